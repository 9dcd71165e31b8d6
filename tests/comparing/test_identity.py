"""What a run was made with: contents decide, storage does not; and which differences make scores incomparable."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from s1.artifacts import ArtifactError
from s1.comparing.differences import differences
from s1.comparing.hashing import describe_benchmarks, describe_models
from s1.comparing.identity import EngineIdentity, read_run_identity
from s1.model_loading import load_tokenizer
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from s1.records import Question
from tests.comparing.runs import IDENTITY, MODEL
from tests.delimiters import S1_DELIMITERS


def save_model(folder: Path, *, seed: int) -> Path:
    tokenizer = build_tokenizer()
    spec = NanoModelSpec(hidden_size=16, num_layers=1, num_heads=1, intermediate_size=16)
    with torch.random.fork_rng():
        build_model(spec, tokenizer, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_models_are_known_by_their_contents(tmp_path: Path) -> None:
    folders = {"one": save_model(tmp_path / "a", seed=0), "same": save_model(tmp_path / "b", seed=0)}
    found = describe_models({**folders, "other": save_model(tmp_path / "c", seed=1)}, chat=S1_DELIMITERS)
    assert found["one"] == found["same"]
    assert found["one"].weights != found["other"].weights
    assert found["one"].model_dump(exclude={"weights"}) == found["other"].model_dump(exclude={"weights"})
    assert found["one"].prompt_text.endswith("<|im_start|>think")


def test_how_a_model_was_stored_is_no_difference_and_a_delimiter_is(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "a", seed=0)
    before = describe_models({"tuned": folder}, chat=S1_DELIMITERS)["tuned"]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_version": "99", "torch_dtype": "x"}))
    assert describe_models({"tuned": folder}, chat=S1_DELIMITERS)["tuned"] == before
    other = S1_DELIMITERS.model_copy(update={"wait": "Hmm"})
    after = describe_models({"tuned": folder}, chat=other)["tuned"]
    assert (after.prompt != before.prompt, after.tokenizer == before.tokenizer) == (True, True)


def test_a_tokenizer_that_transformers_has_rewritten_is_the_same(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "a", seed=0)
    before = describe_models({"tuned": folder}, chat=S1_DELIMITERS)["tuned"]
    written = (folder / "tokenizer.json").read_bytes()
    load_tokenizer(folder).save_pretrained(folder)
    assert (folder / "tokenizer.json").read_bytes() != written
    assert describe_models({"tuned": folder}, chat=S1_DELIMITERS)["tuned"].tokenizer == before.tokenizer


def test_benchmarks_are_known_by_questions_and_references_in_any_order() -> None:
    one = Question.create(question="2+2?", solution="4", source="a")
    two = Question.create(question="3+3?", solution="6", source="a")
    other = Question.create(question="3+3?", solution="7", source="a")
    assert describe_benchmarks([one, two]) == describe_benchmarks([two, one])
    assert describe_benchmarks([one, two]) != describe_benchmarks([one, other])


def test_runs_that_were_made_alike_differ_in_nothing() -> None:
    assert differences(IDENTITY, IDENTITY) == []


ENGINE = IDENTITY.engine


@pytest.mark.parametrize(
    ("update", "severity", "what"),
    [
        ({"benchmarks": {"nano-test": "q2"}}, "incomparable", "benchmarks.nano-test"),
        ({"models": {"tuned": MODEL.model_copy(update={"prompt": "p2"})}}, "incomparable", "models.tuned.prompt"),
        ({"models": {"tuned": MODEL.model_copy(update={"tokenizer": "t2"})}}, "incomparable", "models.tuned.tokenizer"),
        ({"settings": {"tuned/max-64": {"max_thinking_tokens": 65}}}, "incomparable", "settings.tuned/max-64"),
        ({"temperature": 0.7}, "incomparable", "temperature"),
        ({"engine": ENGINE.model_copy(update={"version": "0.11.0"})}, "warning", "engine.version is 0.6.1"),
        ({"engine": ENGINE.model_copy(update={"dtype": "bfloat16"})}, "warning", "engine.dtype"),
        ({"engine": ENGINE.model_copy(update={"tensor_parallel": 2})}, "warning", "engine.tensor_parallel is 1 in"),
        ({"engine": ENGINE.model_copy(update={"device": "1 x other"})}, "warning", "engine.device"),
        ({"engine": ENGINE.model_copy(update={"arguments": ("--x",)})}, "warning", "engine.arguments is none in"),
        ({"engine": EngineIdentity(kind="local", version="5", dtype="float32", device="1 x GPU")}, "warning", "kind"),
        ({"models": {"tuned": MODEL.model_copy(update={"weights": "w2"})}}, "note", "models.tuned.weights"),
        ({"num_samples": 4}, "note", "num_samples"),
        ({"num_parallel": 4}, "note", "num_parallel"),
        ({"parallel_temperature": 1.0}, "incomparable", "parallel_temperature is none in"),
        ({"other_engines": {"tuned": ENGINE.model_copy(update={"dtype": "bfloat16"})}}, "warning", "engine.dtype"),
        ({"packages": {"torch": "2.1"}}, "note", "packages.torch"),
    ],
)
def test_each_difference_has_its_severity_and_says_what_it_does(
    update: dict[str, Any], severity: str, what: str
) -> None:
    [found] = differences(IDENTITY, IDENTITY.model_copy(update=update))
    assert found.severity == severity
    assert str(found).startswith(f"{severity}: ")
    assert what in str(found)
    assert found.why


def test_the_seed_matters_only_where_something_is_drawn() -> None:
    assert differences(IDENTITY, IDENTITY.model_copy(update={"seed": 1})) == []
    sampled = IDENTITY.model_copy(update={"temperature": 0.6})
    [found] = differences(sampled, sampled.model_copy(update={"seed": 1}))
    assert (found.severity, found.what) == ("note", "seed")


def test_another_version_of_transformers_under_the_local_engine_is_told_once() -> None:
    local = [
        IDENTITY.model_copy(
            update={
                "engine": EngineIdentity(kind="local", version=version, dtype="float32"),
                "packages": {"transformers": version},
            }
        )
        for version in ("4.56", "5.0")
    ]
    assert [found.what for found in differences(*local)] == ["engine.version"]


def test_settings_and_models_of_one_run_only_are_no_difference() -> None:
    more = IDENTITY.model_copy(update={"settings": {**IDENTITY.settings, "tuned/max-128": {}}})
    assert differences(IDENTITY, more) == []


def test_the_gravest_difference_stands_first() -> None:
    engine = IDENTITY.engine.model_copy(update={"dtype": "bfloat16", "batch_size": 9})
    found = differences(IDENTITY, IDENTITY.model_copy(update={"engine": engine, "temperature": 1.0}))
    assert [item.severity for item in found] == ["incomparable", "warning", "note"]


def test_a_record_comes_back_as_it_was_written_and_a_broken_one_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(ArtifactError, match=r"run.json is missing.*dvc repro generate"):
        read_run_identity(path)
    path.write_text(IDENTITY.model_dump_json(indent=1))
    assert read_run_identity(path) == IDENTITY
    path.write_text("{")
    with pytest.raises(ArtifactError, match=r"run.json is no record of a run.*dvc repro"):
        read_run_identity(path)
