"""The local classifier: features, weights, verdicts."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1.classification.local import MIN_CONFIDENCE, WEIGHTS, LinearModel, LocalClassifier, load_model, vector_of
from s1.classification.taxonomy import DOMAINS
from s1.classification.words import words_of

CLASSIFIER = LocalClassifier()
NAMES = {domain.name for domain in DOMAINS.values()}


def make_model(*, bias: tuple[float, float] = (0.0, 0.0)) -> LinearModel:
    """Two words for two domains: ``triangle`` for geometry, ``prime`` for number theory."""
    return LinearModel(
        words=["triangle", "prime"],
        codes=["51", "11"],
        rarity=np.array([1.0, 2.0], dtype=np.float32),
        weights=np.array([[3.0, 0.0], [0.0, 3.0]], dtype=np.float32),
        bias=np.array(bias, dtype=np.float32),
    )


def test_words_are_latin_words_commands_lengths_of_numbers_and_pairs_of_chinese_characters() -> None:
    assert words_of(r"Find \sin 30 in a TRIANGLE, 123456!") == [
        "find",
        r"\sin",
        "<2 digits>",
        "in",
        "triangle",
        "<4 digits>",
    ]
    assert words_of("三角形的") == ["三角", "角形", "形的"]
    assert words_of("a + b = ?") == []


def test_a_vector_has_length_one_and_weighs_words_by_frequency_and_rarity() -> None:
    model = make_model()
    vector = vector_of("triangle triangle prime of", {"triangle": 0, "prime": 1}, model.rarity)
    weights = np.array([1 + np.log(2), 2.0])
    assert vector.numbers.tolist() == [0, 1]
    assert vector.values == pytest.approx(weights / np.linalg.norm(weights))


def test_probabilities_are_the_softmax_of_the_scores() -> None:
    (row,) = make_model(bias=(0.0, 1.0)).probabilities(["triangle"])
    assert row == pytest.approx([np.exp(3) / (np.exp(3) + np.e), np.e / (np.exp(3) + np.e)])


def test_a_model_is_the_same_after_it_was_saved_and_saved_again(tmp_path: Path) -> None:
    make_model().save(tmp_path / "a.npz")
    again = load_model(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    assert (again.words, again.codes) == (["triangle", "prime"], ["51", "11"])
    assert again.weights == pytest.approx(make_model().weights, abs=3 / 254)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_below_the_confidence_is_unknown_and_says_what_was_likeliest(tmp_path: Path) -> None:
    codes = [*DOMAINS][:10]
    flat = np.zeros((1, 10), dtype=np.float32)
    flat[0, 3] = 0.5  # 10 domains, one a little likelier: 0.155
    bias = np.zeros(10, dtype=np.float32)
    LinearModel(["word"], codes, np.ones(1, dtype=np.float32), flat, bias).save(tmp_path / "w.npz")
    (verdict,) = LocalClassifier(tmp_path / "w.npz").classify(["word"]).verdicts
    assert (verdict.domain, verdict.state, verdict.confidence) == ("unknown", "unsure", 0.155)
    assert verdict.detail == f"likeliest: {DOMAINS[codes[3]].name}"
    assert MIN_CONFIDENCE > 0.155


def test_a_text_without_known_words_is_unknown_whatever_the_bias() -> None:
    (verdict,) = CLASSIFIER.classify(["qqqzzz ☃ x"]).verdicts
    assert (verdict.domain, verdict.state, verdict.confidence) == ("unknown", "no_words", None)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("In triangle ABC the angle bisector from A meets BC at D. Find the length of AD.", "51 Geometry"),
        ("What is the remainder when the sum of the first 50 primes is divided by 7?", "11 Number theory"),
        ("How many ways are there to arrange 5 books on a shelf if two must not be adjacent?", "05 Combinatorics"),
        ("What is the probability that two fair dice show a sum of 9?", "60 Probability theory"),
        (
            "Find all functions f such that f(x+y) = f(x) + f(y) for all real x, y.",
            "39 Difference and functional equations",
        ),
        ("Balance the reaction of hydrochloric acid with sodium hydroxide and give the moles of salt.", "77 Chemistry"),
        ("Which organelle of a plant cell contains chlorophyll?\n\nA) ribosome\nB) chloroplast", "92 Biology"),
        ("The defendant was charged with larceny. The trial court should", "23 Law"),
        ("If the central bank raises interest rates, aggregate demand and inflation", "91 Economics and finance"),
        (
            "Solve y'' + 4y = 0 with y(0) = 1 and y'(0) = 0, a differential equation.",
            "34 Ordinary differential equations",
        ),
    ],
)
def test_plain_questions_are_of_the_domain_that_a_reader_names(text: str, domain: str) -> None:
    (verdict,) = CLASSIFIER.classify([text]).verdicts
    assert (verdict.domain, verdict.state) == (domain, "classified")


def test_the_name_has_the_weights_version_and_the_weights_are_small() -> None:
    content = WEIGHTS.read_bytes()
    assert CLASSIFIER.name == f"local-{hashlib.sha256(content).hexdigest()[:8]}"
    assert len(content) < 600_000


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_each_text_has_one_verdict_that_depends_on_no_other(texts: list[str]) -> None:
    together = CLASSIFIER.classify(texts).verdicts
    assert together == [CLASSIFIER.classify([text]).verdicts[0] for text in texts]
    for verdict in together:
        assert (verdict.domain in NAMES) == (verdict.state == "classified")


def test_progress_ends_at_the_number_of_texts() -> None:
    heard: list[tuple[int, int]] = []
    CLASSIFIER.classify(["triangle"] * 5000, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(4096, 5000), (5000, 5000)]


@pytest.mark.skipif("S1_DATA" not in os.environ, reason="needs the real question files (S1_DATA)")
def test_questions_of_the_math_test_set_that_it_never_saw_are_of_their_subject() -> None:
    allowed = {"Geometry": {"51"}, "Number Theory": {"11"}, "Counting & Probability": {"05", "60"}}
    with gzip.open(Path(os.environ["S1_DATA"]) / "math/validation.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for line in file if (row := json.loads(line))["subject"] in allowed]
    verdicts = CLASSIFIER.classify([row["problem"] for row in rows]).verdicts
    right = [verdict.domain[:2] in allowed[row["subject"]] for row, verdict in zip(rows, verdicts, strict=True)]
    assert len(right) == 1493
    assert sum(right) / len(right) > 0.8
