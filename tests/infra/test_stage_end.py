"""What a finished stage leaves for MLflow: of ``generate`` also what decoded."""

from pathlib import Path

import pytest

from infra.pipeline import StageEntry
from infra.prices import ModelDollars
from infra.stage_end import StageEnd, cost_figures
from infra.versions import RUN_IDENTITY, Versions
from tests.comparing.runs import IDENTITY


def make_end(name: str) -> StageEnd:
    entry = StageEntry(name, f"python -m flows.stage {name}", (), (), (), (), ())
    return StageEnd(entry, reused=False, versions=Versions(b""), is_locked=False)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    RUN_IDENTITY.parent.mkdir(parents=True)
    RUN_IDENTITY.write_text(IDENTITY.model_dump_json())
    return RUN_IDENTITY


def test_a_run_of_generate_is_tagged_with_what_decoded_and_keeps_the_record(record: Path) -> None:
    tags = make_end("generate").tags()
    assert tags == {
        "run.engine": "vllm 0.6.1",
        "run.dtype": "float32",
        "run.tensor_parallel": "1",
        "run.device": "1 x GPU",
        "run.tuned.weights": "w1",
        "run.tuned.prompt": "p1",
        "run.tuned.tokenizer": "t1",
        "reused": "false",
    }
    assert record in make_end("generate").files()


def test_other_stages_are_not(record: Path) -> None:
    assert make_end("score").tags() == {"reused": "false"}
    assert record not in make_end("score").files()


def test_a_record_of_another_version_is_kept_and_gives_no_tags(record: Path) -> None:
    record.write_text("{}")
    assert make_end("generate").tags() == {"reused": "false"}
    assert record in make_end("generate").files()


@pytest.mark.parametrize("stage", ["train", "generate", "score"])
def test_a_stage_that_was_left_out_read_nothing_made_nothing_and_measured_nothing(record: Path, stage: str) -> None:
    for folder, text in (("metrics", '{"state": "not_run"}'), ("ledger", "{}")):
        Path(folder).mkdir()
        Path(folder, f"{stage}.json").write_text(text)
    end = make_end(stage)
    assert end.tags() == {"s1.state": "not_run", "reused": "false"}
    assert (end.figures(), end.chain_figures(), end.data_sets(), end.ledger()) == ([], [], [], {})
    assert end.model_digest() is None
    assert record not in end.files()


def test_what_language_models_cost_is_a_figure_of_its_own_within_the_sum() -> None:
    ledger = {"cpu_seconds": 3600.0, "model/m/input_tokens": 9.0}
    figures = cost_figures(ledger, dollars=2.5, models=ModelDollars(0.5, ()))
    assert {point.key: point.value for point in figures} == {
        "cost/cpu_seconds": 3600.0,
        "cost/model/m/input_tokens": 9.0,
        "cost/cpu_hours": 1.0,
        "cost/usd": 2.5,
        "cost/models_usd": 0.5,
    }


def test_dollars_that_leave_a_model_out_are_not_shown() -> None:
    figures = cost_figures({"model/m/input_tokens": 9.0}, dollars=None, models=ModelDollars(0.5, ("m",)))
    assert [point.key for point in figures] == ["cost/model/m/input_tokens"]
