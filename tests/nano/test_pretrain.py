"""Base documents never think; a base model is built and trained the same way every time."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import torch

from s1.nano.pretrain import NanoModelSpec, direct_document, pretrain, table_document
from s1.nano.questions import is_held_out, parse_question
from s1.nano.solver import ROW_OPENERS
from tests.nano.test_solver import wrong_steps

_TINY = NanoModelSpec(hidden_size=16, num_layers=1, num_heads=2, intermediate_size=16)


def test_no_base_document_thinks() -> None:
    rng = random.Random(0)
    for _ in range(500):
        for document in (table_document(rng), direct_document(rng)):
            text = document.given + document.learned
            assert "<|im_start|>think" not in text
            assert "<|im_start|>answer" not in text


def test_base_documents_know_the_word_wait_and_teach_nothing_about_when_to_say_it() -> None:
    rng = random.Random(4)
    waits: dict[str, list[bool]] = {"yes": [], "no": []}
    for _ in range(4000):
        lines = table_document(rng).learned.split("\n")
        for line, following in pairwise(lines):
            if following.startswith(ROW_OPENERS):
                waits[line.split()[-2]].append(following.startswith("Wait"))
    shares = {verdict: sum(rows) / len(rows) for verdict, rows in waits.items()}
    assert len(waits["yes"]) > 1000
    assert abs(shares["yes"] - 1 / len(ROW_OPENERS)) < 0.04
    assert abs(shares["no"] - 1 / len(ROW_OPENERS)) < 0.04


def test_tables_are_right() -> None:
    rng = random.Random(1)
    for _ in range(300):
        document = table_document(rng)
        lines = (document.given + document.learned).split("\n")
        (question,) = [line for line in lines if line.startswith("Which")]
        assert parse_question(question.removesuffix("<|im_end|>"))
        assert sum(line.startswith(ROW_OPENERS) for line in lines) >= 2
        assert sum(wrong_steps(line) for line in lines) == 0


def test_direct_answers_are_short() -> None:
    document = direct_document(random.Random(2))
    assert document.learned.removeprefix("Final ").startswith("Answer: ")
    assert document.learned.endswith("<|im_end|>\n")


def test_pretraining_is_deterministic_and_reports_progress() -> None:
    seen: list[tuple[int, int]] = []

    def note(step: int, total: int, message: str) -> None:
        seen.append((step, total))

    first, second = (
        pretrain(spec=_TINY, seed=3, max_steps=3, batch_size=4, learning_rate=1e-3, direct_weight=0.3, progress=note)
        for _ in range(2)
    )
    assert seen == [(3, 3), (3, 3)]
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)


def test_no_base_document_holds_a_question_that_is_kept_for_benchmarks() -> None:
    rng = random.Random(5)
    documents = [make(rng) for _ in range(400) for make in (table_document, direct_document)]
    questions = [re.search(r"Which .*\?", document.given) for document in documents]
    assert not any(is_held_out(found[0]) for found in questions if found is not None)
    assert sum(found is not None for found in questions) == len(documents)
