"""Curation in one process and in several."""

from pathlib import Path

import pytest

from s1.artifacts import ArtifactError, ArtifactWriter, iterate_lines
from s1.config import Decontamination, DistinctiveRule, NgramRule
from s1.records import Question
from tasks import curate
from tasks.paths import BENCHMARKS, COPIES, CURATED, HASHED, HELD_OUT, QUESTIONS
from tests.tasks.data_workspace import CURATE, Log, make_stage

RULES: list[Decontamination] = [NgramRule(rule="ngram", size=8), DistinctiveRule(rule="distinctive")]
EXAM = "Suppose that a clock with 12 hands and a train of 7 wagons meet at noon. How many wheels are left over?"


def ask(text: str, *, source: str = "book", solution: str = "1", planted: str | None = None) -> Question:
    metadata = None if planted is None else {"planted": planted}
    return Question.create(question=text, solution=solution, source=source, metadata=metadata)  # type: ignore[arg-type]


def make_pool() -> list[Question]:
    """More rows than two messages hold; copies, benchmark questions and short texts among them."""
    pool: list[Question] = []
    for number in range(4500):
        text = f"Question number {number} asks for the sum of {number} and {3 * number} in base {number % 17 + 2}."
        pool.append(ask(text, source="site" if number % 3 else "book", solution="" if number % 5 else "1"))
        if number % 7 == 0:
            pool.append(ask(text.upper(), source="late" if number % 2 else "book", solution="because"))
        if number % 500 == 0:
            pool.append(ask(f"Task {number}: {EXAM}", planted="extended"))
    return [*pool, ask("tiny"), ask(EXAM, planted="verbatim")]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(curate, "_MIN_BYTES", 0)
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, make_pool())
        artifact.write_jsonl(BENCHMARKS.name, [ask(EXAM, source="exam")])
        for path in (HELD_OUT, HASHED):
            artifact.write_jsonl(path.name, [])


def curate_with(processes: int, decontamination: Decontamination, monkeypatch: pytest.MonkeyPatch) -> object:
    """The figures, and all files of the artifact."""
    monkeypatch.setenv("S1_PROCESSES", str(processes))
    rules = CURATE.model_copy(update={"decontamination": decontamination})
    log = Log()
    metrics = curate.run(make_stage("curate", log), curate=rules)
    return metrics, log.done, {path.name: path.read_bytes() for path in CURATED.parent.iterdir()}


@pytest.mark.parametrize("decontamination", RULES, ids=lambda rule: rule.rule)
def test_one_two_and_three_processes_write_the_same_files(
    decontamination: Decontamination, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = curate_with(1, decontamination, monkeypatch)
    assert curate_with(2, decontamination, monkeypatch) == alone
    assert curate_with(3, decontamination, monkeypatch) == alone


def test_what_is_kept_and_what_is_a_copy_is_written_as_it_was_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    curate_with(2, RULES[1], monkeypatch)
    collected = list(iterate_lines(QUESTIONS))
    kept, copies = list(iterate_lines(CURATED)), set(iterate_lines(COPIES))
    assert kept == [line for line in collected if line in set(kept)]
    assert len(kept) == 4500
    assert len(copies) == 4500 // 7 + 1
    assert set(collected) - set(kept) - copies == {
        question.model_dump_json().encode()
        for question in make_pool()
        if EXAM in question.question or question.question == "tiny"
    }


@pytest.mark.parametrize("processes", [1, 2])
def test_a_damaged_row_is_named_whatever_process_reads_it(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = QUESTIONS.read_bytes().splitlines(keepends=True)
    lines[3210] = lines[3210].replace(b'"solution"', b'"solutiom"')
    QUESTIONS.write_bytes(b"".join(lines))
    with pytest.raises(ArtifactError, match=r"questions.jsonl, line 3211 is not a Question: .*Remove data/collect"):
        curate_with(processes, RULES[0], monkeypatch)
    assert not CURATED.exists()
