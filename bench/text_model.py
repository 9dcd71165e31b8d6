"""Trains the local classifier's weights: logistic regression over words, on labels that may be sets of domains.

The loss of a question is the negative log of the probability that falls on the domains its label allows, so a label
that stands for several domains claims none of them. Labels with few questions weigh more, and the taxonomy's
descriptions are short questions themselves, so that domains without labelled questions are known at all. Knows no
files; the result is a ``LinearModel`` of ``s1.classification.local``.

Example::

    model = train(questions, subjects, seed=0)
    model.probabilities(["Find the area of triangle ABC."]).argmax()
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bench.labelled_questions import LabelledQuestion, Subjects
from s1.classification.local import LinearModel, vector_of
from s1.classification.taxonomy import DOMAINS
from s1.classification.words import words_of

NUM_WORDS = 12_000
"""Of the words in at least three questions, the most frequent: what fits 600 KB."""
MIN_QUESTIONS = 3
NUM_EPOCHS = 6
BATCH_SIZE = 256
LEARNING_RATE = 0.03
LABEL_POWER = 0.35
"""A question's weight is its label's number of questions to minus this power."""
DESCRIPTION_WEIGHT = 0.3
"""Weight of a description beside the average question's 1."""

CODES = [*DOMAINS]
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class _Example:
    text: str
    codes: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class _Batches:
    """N texts as flat arrays: text i has the words ``starts[i]`` to ``starts[i + 1]``."""

    numbers: torch.Tensor
    values: torch.Tensor
    starts: torch.Tensor
    """(N + 1,)"""
    allowed: torch.Tensor
    """(N, D) whether a domain is in the label's set."""
    weights: torch.Tensor
    """(N,)"""

    def take(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Words, their values and the offsets of some texts, as ``EmbeddingBag`` wants them."""
        starts = self.starts[chosen]
        lengths = self.starts[chosen + 1] - starts
        offsets = lengths.cumsum(0) - lengths
        places = torch.repeat_interleave(starts - offsets, lengths) + torch.arange(int(lengths.sum()))
        return self.numbers[places], self.values[places], offsets


def train(questions: Sequence[LabelledQuestion], subjects: Subjects, *, seed: int = 0) -> LinearModel:
    """Weights from labelled questions; the same questions and seed give the same weights on one machine."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    examples = [*_examples(questions, subjects)]
    words, rarity = _vocabulary([example.text for example in examples])
    data = _batches(examples, words, rarity)
    weights = torch.nn.EmbeddingBag(len(words), len(CODES), mode="sum")
    bias = torch.nn.Parameter(torch.zeros(len(CODES)))
    torch.nn.init.zeros_(weights.weight)
    optimizer = torch.optim.Adam([*weights.parameters(), bias], lr=LEARNING_RATE)
    for epoch in range(NUM_EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - epoch / NUM_EPOCHS)
        order = torch.randperm(len(examples))
        for start in range(0, len(examples), BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            numbers, values, offsets = data.take(chosen)
            scores = torch.log_softmax(weights(numbers, offsets, per_sample_weights=values) + bias, dim=1)
            on_allowed = torch.logsumexp(scores.masked_fill(~data.allowed[chosen], _NEVER), dim=1)
            share = data.weights[chosen] / data.weights[chosen].sum()
            optimizer.zero_grad()
            (-(share * on_allowed).sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return LinearModel(
        words=words,
        codes=CODES,
        rarity=rarity,
        weights=weights.weight.detach().numpy(),
        bias=bias.detach().numpy(),
    )


def _examples(questions: Sequence[LabelledQuestion], subjects: Subjects) -> Iterator[_Example]:
    sizes = Counter((question.source, question.label) for question in questions)
    weights = [sizes[question.source, question.label] ** -LABEL_POWER for question in questions]
    mean = sum(weights) / len(weights)
    for question, weight in zip(questions, weights, strict=True):
        yield _Example(question.text, subjects.narrowed(question.codes, question.text), weight / mean)
    for code, domain in DOMAINS.items():
        for part in (f"{domain.title} {domain.description}", *domain.description.split(", ")):
            yield _Example(part, frozenset({code}), DESCRIPTION_WEIGHT)


def _vocabulary(texts: Sequence[str]) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.float32]]]:
    counts = Counter(word for text in texts for word in set(words_of(text)))
    usual = sorted((word for word in counts if counts[word] >= MIN_QUESTIONS), key=lambda word: (-counts[word], word))
    words = usual[:NUM_WORDS]
    rarity = np.array([1 + math.log(len(texts) / counts[word]) for word in words], dtype=np.float16)
    return words, rarity.astype(np.float32)


def _batches(
    examples: Sequence[_Example], words: Sequence[str], rarity: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> _Batches:
    index = {word: number for number, word in enumerate(words)}
    vectors = [vector_of(example.text, index, rarity) for example in examples]
    lengths = torch.tensor([0, *(len(vector.numbers) for vector in vectors)])
    allowed = np.array([[code in example.codes for code in CODES] for example in examples])
    return _Batches(
        numbers=torch.from_numpy(np.concatenate([vector.numbers for vector in vectors])),
        values=torch.from_numpy(np.concatenate([vector.values for vector in vectors])).float(),
        starts=lengths.cumsum(0),
        allowed=torch.from_numpy(allowed),
        weights=torch.tensor([example.weight for example in examples]),
    )
