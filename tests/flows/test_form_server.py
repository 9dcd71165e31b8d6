"""A real Prefect server refuses what a form's types, limits and choices refuse, and names the key."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployments import deploy
from flows.groups import GROUPS
from s1.config import load_params
from s1.config.editing import set_dotted
from tests.flows.form_server import NANO, PIPELINE, PROJECT, FormServer

pytestmark = pytest.mark.slow


def changed(key: str, value: object) -> dict[str, Any]:
    params = deepcopy(NANO)
    set_dotted(params, key, value)
    return params


@pytest.mark.parametrize(
    ("key", "value", "field", "reason"),
    [
        ("train.learning_rate", "fast", "params.train.learning_rate", "'fast' is not of type 'number'"),
        ("train.learning_rate", 0, "params.train.learning_rate", "0 is less than or equal to the minimum of 0"),
        ("train.warmup_ratio", 7, "params.train.warmup_ratio", "7 is greater than the maximum of 1.0"),
        ("train.num_epochs", 1.5, "params.train.num_epochs", "1.5 is not of type 'integer'"),
        ("train.zero_stage", 7, "params.train.zero_stage", "7 is not one of [1, 2, 3]"),
        ("select.recipe", "s2", "params.select.recipe", "'s2' is not one of ['s1', 'random', "),
        ("generate.budgets.0", 64, "params.generate.budgets", "[64, 64, 96, 128, 256] has non-unique elements"),
        ("generate.benchmarks", [], "params.generate.benchmarks", "[] should be non-empty"),
        ("score", {"num_resamples": 9}, "params.score", "'confidence' is a required property"),
        ("score.confidence", 0.5, "params.score.confidence", "0.5 is less than or equal to the minimum of 0.5"),
        ("base.small.num_layers", 0, "params.base.small.num_layers", "0 is less than the minimum of 1"),
        ("base.small", {"kind": "hub"}, "params.base.small", "'repo' is a required property"),
        (
            "base.small.kind",
            "hug",
            "params.base.small.kind",
            "'hug' is not one of ['nano', 'hub', 'path', 'tokenizer']",
        ),
        ("base.small", {"repo": "a/b"}, "params.base.small", "'kind' is a required property"),
        ("collect.sources.1.num", -1, "params.collect.sources[1].num", "-1 is less than the minimum of 1"),
        ("select.weight_sources", {"contest": -1}, "params.select.weight_sources", "'contest' was unevaluated and inv"),
        ("select.prepick_sources", None, "params.select.prepick_sources", "None is not of type 'array'"),
    ],
)
def test_a_bad_value_is_refused_and_its_key_named(
    form_server: FormServer, key: str, value: object, field: str, reason: str
) -> None:
    answer = form_server.create_run(None, {"params": changed(key, value)})
    assert answer.status_code == 409
    assert f"Validation failed for field '{field}'" in answer.json()["detail"]
    assert reason in answer.json()["detail"]


def test_an_unknown_key_is_refused_and_named(form_server: FormServer) -> None:
    params = deepcopy(NANO)
    params["train"]["warmup_ration"] = 0.1
    answer = form_server.create_run(None, {"params": params})
    assert answer.status_code == 409
    assert "'params.train'" in answer.json()["detail"]
    assert "('warmup_ration' was unexpected)" in answer.json()["detail"]


def test_a_section_of_another_group_is_refused(form_server: FormServer) -> None:
    shown = {name: NANO[name] for name in ("seed", "chat", "tokenize", "train")}
    answer = form_server.create_run("train", {"params": {**shown, "select": NANO["select"]}})
    assert answer.status_code == 409
    assert "Additional properties are not allowed ('select' was unexpected)" in answer.json()["detail"]


@pytest.mark.parametrize("limit", [-1, "a lot"])
def test_a_limit_of_dollars_that_is_none_is_refused(form_server: FormServer, limit: object) -> None:
    answer = form_server.create_run("train", {"approve_above_usd": limit})
    assert answer.status_code == 409
    assert "'approve_above_usd'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.learning_rate", 1e-5),
        ("base.large", {"kind": "hub", "repo": "a/b", "revision": "main"}),
        ("collect.sources.1", {"kind": "jsonl", "name": "contest", "path": "aime.jsonl", "answer_field": None}),
        ("select.prepick_sources", []),
        ("select.prepick_long_sources", {"exercises": 100}),
    ],
)
def test_a_good_value_makes_a_run_with_it(form_server: FormServer, key: str, value: object) -> None:
    params = changed(key, value)
    answer = form_server.create_run(None, {"params": params, "approve_above_usd": 2.5})
    assert answer.status_code == 201
    assert form_server.params_of(answer.json()["id"]) == params


@pytest.mark.parametrize("group", [None, "curate", "distill", "train", "evaluate"])
def test_without_a_value_a_run_has_the_profiles(form_server: FormServer, group: str | None) -> None:
    answer = form_server.create_run(group, {})
    assert answer.status_code == 201
    params = form_server.params_of(answer.json()["id"])
    assert params == {name: NANO[name] for name in params}
    assert "seed" in params


@pytest.mark.parametrize("path", sorted((PROJECT / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_can_be_ordered_in_the_form(form_server: FormServer, path: Path) -> None:
    values = load_params(path).model_dump(mode="json")
    response = form_server.create_run(None, {"params": values})
    assert response.status_code == 201, response.text


def test_a_deployment_that_is_there_is_not_sent_again(
    form_server: FormServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    profile = tmp_path / "profiles/other.yaml"
    profile.parent.mkdir()
    shutil.copy(PROJECT / "profiles/nano.yaml", profile)
    shutil.copy(PIPELINE, tmp_path / "dvc.yaml")
    sent: list[str] = []
    create = SyncPrefectClient.create_deployment

    def note(client: SyncPrefectClient, **values: Any) -> Any:
        sent.append(values["entrypoint"])
        return create(client, **values)

    monkeypatch.setattr(SyncPrefectClient, "create_deployment", note)
    with temporary_settings({PREFECT_API_URL: f"{form_server.url}/api"}):
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name="others", type="process"))
        names = deploy(work_pool="others", home=tmp_path)
        assert names == ["s1/other", *(f"{group}/other" for group in GROUPS)]
        assert len(sent) == len(names)
        assert deploy(work_pool="others", home=tmp_path) == names
        assert len(sent) == len(names)
        profile.write_text(profile.read_text().replace("seed: 0", "seed: 1", 1))
        assert deploy(work_pool="others", home=tmp_path) == names
        assert len(sent) == 2 * len(names)
