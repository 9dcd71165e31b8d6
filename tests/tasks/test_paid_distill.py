"""``distill`` asks a paid teacher only for what the archive does not hold; a free one is never archived."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.artifacts import read_jsonl
from s1.config import DistillParams, SolverTeacher
from s1.records import Trace, Usage
from s1.teacher.archive import Archive
from tasks import collect, curate, distill
from tasks.paths import TRACES
from tests.tasks.data_workspace import COLLECT, CURATE, Log, make_attempts, make_stage, save_tokenizer

PARAMS = DistillParams(teacher=SolverTeacher(kind="solver"), scope="hard", shard_size=20)


class CountingTeacher:
    """Paid; remembers what it was asked, and may lose its connection."""

    name = "counting"
    is_paid = True

    def __init__(self, *, model: str = "one", fails_after: int | None = None) -> None:
        self.asked: list[str] = []
        self._model = model
        self._fails_after = fails_after

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        return {"model": self._model}

    def answer(self, text: str, *, question_id: str) -> Trace:
        if len(self.asked) == self._fails_after:
            raise ConnectionError("the teacher is away")
        self.asked.append(text)
        usage = Usage(prompt_tokens=3, thinking_tokens=5, answer_tokens=1)
        return Trace(
            question_id=question_id, teacher=self.name, state="answered", thinking="hm", answer=text, usage=usage
        )


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tokenizer()
    collect.run(make_stage("collect"), collect=COLLECT, seed=0)
    curate.run(make_stage("curate"), curate=CURATE)
    make_attempts()


@pytest.fixture
def distill_with(monkeypatch: pytest.MonkeyPatch) -> "DistillWith":
    return DistillWith(monkeypatch)


class DistillWith:
    """Runs the stage with a given teacher, on fresh unfinished work each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._num_runs = 0

    def __call__(self, teacher: CountingTeacher, *, log: Log | None = None) -> list[Trace]:
        self._num_runs += 1
        self._monkeypatch.setattr(distill, "build_teacher", lambda params, **others: teacher)
        distill.run(make_stage(f"distill-{self._num_runs}", log), distill=PARAMS, seed=0)
        return read_jsonl(TRACES, Trace)


def test_a_second_run_pays_nothing_and_gives_the_same_traces(distill_with: DistillWith) -> None:
    first, second, log = CountingTeacher(), CountingTeacher(), Log()
    traces = distill_with(first)
    assert len(first.asked) == len(traces) > 20
    assert distill_with(second, log=log) == traces
    assert second.asked == []
    assert log.notes[-1] == f"traces: {len(traces)} responses from the archive, 0 asked for"


def test_a_run_that_breaks_off_in_the_middle_of_a_shard_goes_on_with_the_next_question(
    distill_with: DistillWith,
) -> None:
    first, second = CountingTeacher(fails_after=27), CountingTeacher()
    with pytest.raises(ConnectionError):
        distill_with(first)
    traces = distill_with(second)
    assert len(first.asked) == 27
    assert [*first.asked, *second.asked] == [trace.answer for trace in traces]


def test_another_teacher_is_asked_everything(distill_with: DistillWith) -> None:
    first, second = CountingTeacher(), CountingTeacher(model="two")
    distill_with(first)
    distill_with(second)
    assert second.asked == first.asked


def test_a_teacher_that_costs_nothing_leaves_no_archive() -> None:
    stage = make_stage("distill")
    distill.run(stage, distill=PARAMS, seed=0)
    assert Archive(stage.archive_folder).count() == 0
    assert not stage.archive_folder.exists()
