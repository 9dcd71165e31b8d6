"""The local classifier: logistic regression over words, with weights that come with the program.

Needs no key, no network and no torch; some 15,000 questions per second and core. ``python -m bench.classification
--train`` makes the weights (``weights.npz``) out of labelled questions; how good they are is docs/classification.md.
Knows no labels and trains nothing.

Example::

    LocalClassifier().classify(["Find the area of triangle ABC."]).verdicts[0].domain       # '51 Geometry'
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1.classification.protocol import Classification, Progress, Verdict, unknown
from s1.classification.taxonomy import DOMAINS
from s1.classification.words import words_of

WEIGHTS = Path(__file__).parent / "weights.npz"
MIN_CONFIDENCE = 0.2
"""A likeliest domain below this is ``unknown``: of such guesses a third is right (docs/classification.md)."""
_CHUNK = 4096
"""Questions between two reports of progress."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights of V words for D domains."""

    words: list[str]
    """(V,)"""
    codes: list[str]
    """(D,)"""
    rarity: Floats
    """(V,) inverse document frequencies."""
    weights: Floats
    """(V, D)"""
    bias: Floats
    """(D,)"""

    def probabilities(self, texts: Iterable[str]) -> Floats:
        """How likely each domain is (N, D); rows of texts without any known word are NaN."""
        index = {word: number for number, word in enumerate(self.words)}
        rows = [self._scores(vector_of(text, index, self.rarity)) for text in texts]
        if not rows:
            return np.zeros((0, len(self.codes)), dtype=np.float32)
        scores = np.stack(rows)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: Floats = odds / odds.sum(axis=1, keepdims=True)
        return found

    def _scores(self, vector: "WordVector") -> NDArray[np.float64]:
        if not vector.numbers.size:
            return np.full(len(self.codes), np.nan)
        scores: NDArray[np.float64] = vector.values @ self.weights[vector.numbers] + self.bias
        return scores

    def save(self, path: Path) -> None:
        """Write the model: weights as 8-bit integers with one scale, the same bytes for the same weights."""
        scale = float(np.abs(self.weights).max()) / 127
        np.savez_compressed(
            path,
            words=np.frombuffer("\n".join(self.words).encode(), dtype=np.uint8),
            codes=np.array(self.codes),
            rarity=self.rarity.astype(np.float16),
            weights=np.round(self.weights / scale).astype(np.int8),
            scale=np.float32(scale),
            bias=self.bias.astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class WordVector:
    """One text: its K different known words, weighted by frequency and rarity, of length 1."""

    numbers: NDArray[np.int64]
    """(K,) places in the vocabulary."""
    values: NDArray[np.float64]
    """(K,)"""


def vector_of(text: str, index: dict[str, int], rarity: Floats) -> WordVector:
    """The words of a text that the vocabulary knows: (1 + ln count) x rarity, scaled to length 1."""
    counts = Counter(number for word in words_of(text) if (number := index.get(word)) is not None)
    numbers = np.fromiter(counts.keys(), np.int64, len(counts))
    frequencies = 1 + np.log(np.fromiter(counts.values(), np.float64, len(counts)))
    values = frequencies * rarity[numbers].astype(np.float64)
    return WordVector(numbers, values / max(float(np.linalg.norm(values)), 1e-12))


def load_model(path: Path) -> LinearModel:
    """The model in a file that ``LinearModel.save`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Any] = dict(file)
    return LinearModel(
        words=arrays["words"].tobytes().decode().split("\n"),
        codes=[str(code) for code in arrays["codes"]],
        rarity=arrays["rarity"].astype(np.float32),
        weights=arrays["weights"].astype(np.float32) * arrays["scale"],
        bias=arrays["bias"],
    )


class LocalClassifier:
    """Domains by the words of a question.

    Args:
        weights: a file that ``LinearModel.save`` wrote; the one that comes with the program if not given.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._model = load_model(weights)
        self.name = f"local-{hashlib.sha256(weights.read_bytes()).hexdigest()[:8]}"
        """With the first digits of the weights' SHA-256."""

    def classify(self, texts: Sequence[str], *, progress: Progress | None = None) -> Classification:
        """The likeliest domain of each text; ``unknown`` below ``MIN_CONFIDENCE`` or without any known word."""
        verdicts: list[Verdict] = []
        for start in range(0, len(texts), _CHUNK):
            verdicts.extend(self._verdicts(texts[start : start + _CHUNK]))
            if progress is not None:
                progress(len(verdicts), len(texts))
        return Classification(verdicts)

    def _verdicts(self, texts: Sequence[str]) -> Iterator[Verdict]:
        for row in self._model.probabilities(texts):
            if np.isnan(row[0]):
                yield unknown("no_words")
                continue
            best = int(row.argmax())
            name, confidence = DOMAINS[self._model.codes[best]].name, round(float(row[best]), 3)
            if confidence < MIN_CONFIDENCE:
                yield unknown("unsure", confidence=confidence, detail=f"likeliest: {name}")
            else:
                yield Verdict(name, confidence=confidence)
