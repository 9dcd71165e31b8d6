"""Shards are computed once: a killed stage goes on from the shards it finished, never from those of other inputs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from s1.records import DomainLabel, Question
from tasks.runner import gpu_seconds
from tasks.stage import StageContext, fingerprint, map_shards


def _questions(num: int) -> list[Question]:
    return [Question.create(question=f"question {index}", solution="1", source="s") for index in range(num)]


def _stage(folder: Path, shards: list[str] | None = None) -> StageContext:
    def run_shard(name: str, work: Callable[[], None]) -> None:
        if shards is not None:
            shards.append(name)
        work()

    return StageContext("toy", folder, lambda done, total, note: None, run_shard, lambda step, figures: None)


def _label(questions: Sequence[Question]) -> list[DomainLabel]:
    return [DomainLabel(question_id=question.id, domain="d", classifier="c") for question in questions]


def test_records_come_back_in_the_order_of_the_items(tmp_path: Path) -> None:
    questions = _questions(5)
    labels = map_shards(_stage(tmp_path), "toy", questions, _label, kind=DomainLabel, shard_size=2, key="k")
    assert [label.question_id for label in labels] == [question.id for question in questions]


def test_after_a_kill_only_unfinished_shards_are_computed(tmp_path: Path) -> None:
    questions = _questions(5)

    def killed_in_the_second(items: Sequence[Question]) -> list[DomainLabel]:
        if items[0].id == questions[2].id:
            raise KeyboardInterrupt
        return _label(items)

    with pytest.raises(KeyboardInterrupt):
        map_shards(_stage(tmp_path), "toy", questions, killed_in_the_second, kind=DomainLabel, shard_size=2, key="k")
    shards: list[str] = []
    labels = map_shards(_stage(tmp_path, shards), "toy", questions, _label, kind=DomainLabel, shard_size=2, key="k")
    assert shards == ["toy 2/3", "toy 3/3"]
    assert len(labels) == 5


def test_finished_shards_of_another_key_are_never_used(tmp_path: Path) -> None:
    questions = _questions(2)
    map_shards(_stage(tmp_path), "toy", questions, _label, kind=DomainLabel, shard_size=2, key="one")
    shards: list[str] = []
    map_shards(_stage(tmp_path, shards), "toy", questions, _label, kind=DomainLabel, shard_size=2, key="two")
    assert shards == ["toy 1/1"]


def test_the_fingerprint_changes_with_parameters_items_and_files(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_text("1")
    questions = _questions(2)
    first = fingerprint(questions[0], questions, model, "text", 3)
    assert first == fingerprint(questions[0], questions, model, "text", 3)
    assert first != fingerprint(questions[1], questions, model, "text", 3)
    assert first != fingerprint(questions[0], questions[:1], model, "text", 3)
    (model / "weights").write_text("22")
    assert first != fingerprint(questions[0], questions, model, "text", 3)


def test_work_of_other_code_is_never_continued(tmp_path: Path) -> None:
    questions = _questions(2)
    for code in ("old", "new"):
        shards: list[str] = []
        stage = replace(_stage(tmp_path, shards), code=code)
        map_shards(stage, "toy", questions, _label, kind=DomainLabel, shard_size=2, key="k")
        assert shards == ["toy 1/1"]


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [([], 0.0), ([0, 0], 0.0), ([4, 8], 80.0), ([8, None], None)],
    ids=["none", "a machine without", "two models' servers in turn", "somebody else's"],
)
def test_a_stage_pays_for_the_gpus_of_its_servers_and_does_not_know_other_peoples(
    tmp_path: Path, gpus: list[int | None], expected: float | None
) -> None:
    stage = _stage(tmp_path)
    for num in gpus:
        stage.use_gpus(num)
    assert gpu_seconds(10.0, stage.gpus).get("gpu_seconds") == expected
