"""A form shows its group's sections with title, help, limits and choices, and gives whole parameters back."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema as prefects_own
from prefect.utilities.schema_tools.validation import is_valid_schema, validate

from flows.form_schema import parameter_schema, title_of
from flows.forms import complete_params, form_for, form_values, sections_of_group
from flows.groups import GROUPS
from s1.config import Params, ParamsError, Section, load_params
from s1.config.helps import field_helps

PROJECT = Path(__file__).resolve().parents[2]
PIPELINE = PROJECT / "dvc.yaml"
NANO: dict[str, Any] = load_params(PROJECT / "profiles/nano.yaml").model_dump(mode="json")
FORMS = [None, *GROUPS]
LIMITS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}


def form(group: str | None) -> type[Section]:
    return form_for(group, pipeline=PIPELINE)


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dotted name (class and key) and schema of every field, those of kinds included."""
    for name, body in (("Parameters", schema), *schema["definitions"].items()):
        for key, field in body.get("properties", {}).items():
            yield f"{name}.{key}", field


@pytest.mark.parametrize(
    ("group", "sections"),
    [
        ("curate", ("seed", "base", "collect", "curate")),
        ("distill", ("seed", "attempt", "distill", "classify", "select", "chat")),
        ("train", ("seed", "chat", "tokenize", "train")),
        ("evaluate", ("seed", "chat", "generate", "score", "report")),
    ],
)
def test_a_group_shows_the_sections_of_its_stages_and_what_they_share(group: str, sections: tuple[str, ...]) -> None:
    assert sections_of_group(group, pipeline=PIPELINE) == sections
    assert tuple(form(group).model_fields) == sections


def test_the_whole_chain_shows_every_section() -> None:
    assert form(None) is Params


def test_every_section_is_shown_by_some_group() -> None:
    shown = {section for group in GROUPS for section in sections_of_group(group, pipeline=PIPELINE)}
    assert shown == set(Params.model_fields) - {"not_run"}


@pytest.mark.parametrize("group", FORMS)
def test_every_field_has_a_title_and_a_help(group: str | None) -> None:
    bare = [
        name for name, field in fields(parameter_schema(form(group))) if not field["title"] or not field["description"]
    ]
    assert bare == []


@pytest.mark.parametrize("group", FORMS)
def test_helps_are_one_line_without_markup(group: str | None) -> None:
    odd = [
        name
        for name, field in fields(parameter_schema(form(group)))
        if "``" in (text := field["description"]) or "\n" in text
    ]
    assert odd == []


@pytest.mark.parametrize("group", FORMS)
def test_every_number_has_a_limit(group: str | None) -> None:
    free = [
        name
        for name, field in fields(parameter_schema(form(group)))
        if field.get("type") in ("integer", "number") and not LIMITS & field.keys() and "enum" not in field
    ]
    assert free == []


def test_titles_are_readable() -> None:
    keys = ["learning_rate", "num_epochs", "dtype", "max_new_tokens", "zero_stage"]
    titles = ["Learning rate", "Number of epochs", "Number format", "Max new tokens", "ZeRO stage"]
    assert [title_of(key) for key in keys] == titles


def test_a_field_keeps_the_type_limits_and_choices_of_its_section() -> None:
    train = parameter_schema(form("train"))["definitions"]["TrainParams"]["properties"]
    assert train["num_epochs"] == {
        "type": "integer",
        "minimum": 1,
        "title": "Number of epochs",
        "description": "Passes over the selection (5 in the paper).",
        "position": 0,
    }
    assert train["zero_stage"]["enum"] == [1, 2, 3]
    assert (train["warmup_ratio"]["minimum"], train["warmup_ratio"]["maximum"]) == (0.0, 1.0)
    assert (train["adam_beta1"]["minimum"], train["adam_beta1"]["exclusiveMaximum"]) == (0, 1)


def test_the_schema_has_the_shape_that_prefect_makes_of_the_same_flow() -> None:
    def flow(params: Params, approve_above_usd: float | None = None) -> None: ...

    own, prefects = parameter_schema(Params), prefects_own(flow).model_dump_for_openapi()
    assert own.keys() - {"description", "additionalProperties"} == prefects.keys()
    assert own["required"] == prefects["required"]
    for name, field in prefects["properties"].items():
        assert own["properties"][name]["position"] == field["position"]
    assert own["definitions"].keys() >= prefects["definitions"].keys()
    assert inspect.signature(flow).parameters.keys() == own["properties"].keys()


@pytest.mark.parametrize("group", FORMS)
def test_prefect_takes_the_schema(group: str | None) -> None:
    schema = parameter_schema(form(group))
    is_valid_schema(schema)  # raises where Prefect could not use it
    good = {"params": form_values(form(group), NANO)}
    assert validate(good, schema) == []
    (fault,) = validate({"params": {**good["params"], "colour": "red"}}, schema)
    assert "colour" in fault.message


@pytest.mark.parametrize("group", FORMS)
def test_the_profile_cut_to_a_form_gives_the_profile_back(group: str | None) -> None:
    values = form_values(form(group), NANO)
    assert complete_params(form(group).model_validate(values), NANO).model_dump(mode="json") == NANO


def test_a_forms_change_lies_over_the_profile() -> None:
    values = form_values(form("train"), NANO)
    changed = {**values, "train": {**values["train"], "learning_rate": 1e-5}}
    params = complete_params(form("train").model_validate(changed), NANO)
    assert params.train.learning_rate == 1e-5
    assert params.model_dump(mode="json") == {**NANO, "train": changed["train"]}


def test_a_change_that_contradicts_another_section_of_the_profile_is_refused() -> None:
    values = form_values(form("evaluate"), NANO)
    values["generate"] = {**values["generate"], "benchmarks": ["aime24"]}
    with pytest.raises(ParamsError, match=r"generate\.benchmarks names 'aime24', which is not in collect\.benchmarks"):
        complete_params(form("evaluate").model_validate(values), NANO)


@pytest.mark.parametrize("key", ["select", "trane"])
def test_a_form_refuses_what_it_does_not_show(key: str) -> None:
    values = {**form_values(form("train"), NANO), key: {}}
    with pytest.raises(ValueError, match=rf"{key}\s+Extra inputs are not permitted"):
        form("train").model_validate(values)


def test_a_form_cannot_be_changed_after_it_was_checked() -> None:
    value = form("train").model_validate(form_values(form("train"), NANO))
    with pytest.raises(ValueError, match="frozen"):
        value.seed = 3  # type: ignore[attr-defined]


def test_there_is_no_form_of_an_unknown_group() -> None:
    with pytest.raises(KeyError, match="trian"):
        form("trian")


def test_helps_are_those_under_the_fields() -> None:
    assert field_helps()["TrainParams"]["max_grad_norm"] == "Gradients longer than this are scaled down to it."
