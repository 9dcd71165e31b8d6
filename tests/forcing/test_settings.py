"""From parameters to points: names, limits, what the context leaves, and what is refused."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from s1.config import ForcingParams, GenerateParams
from s1.forcing import (
    ForcingError,
    ForcingSpec,
    auto_thinking_tokens,
    check_room,
    control_setting,
    direct_setting,
    of_sample,
    settings_of,
)
from tests.forcing.tokens import TOKENS

CURVE = ["max-8", "max-16", "wait-0", "wait-2"]


def generate(**changes: Any) -> GenerateParams:
    values: dict[str, Any] = {
        "engine": {"kind": "local", "dtype": "float32", "batch_size": 4},
        "benchmarks": ["test"],
        "budgets": [8, 16],
        "wait_counts": [0, 2],
        "max_thinking_tokens": 32,
        "max_answer_tokens": 4,
        "temperature": 1.0,
        "num_samples": 2,
    }
    return GenerateParams.model_validate(values | changes)


def test_points_are_named_after_budget_wait_count_and_their_own_name() -> None:
    further = [{"name": "exact-24", "max_thinking_tokens": 24, "min_thinking_tokens": 24}, {"name": "plain"}]
    specs = settings_of(generate(settings=further, num_parallel=5), max_thinking_tokens=32)
    assert [(spec.name, spec.max_thinking_tokens, spec.min_thinking_tokens, spec.num_waits) for spec in specs] == [
        ("max-8", 8, 0, 0),
        ("max-16", 16, 0, 0),
        ("wait-0", 32, 0, 0),
        ("wait-2", 32, 0, 2),
        ("exact-24", 24, 24, 0),
        ("plain", 32, 0, 0),
        ("parallel", 32, 0, 0),
    ]


def test_every_thinking_point_looks_for_loops_as_the_parameters_say() -> None:
    params = generate(loops={"check_every": 7}, num_parallel=2)
    specs = [*settings_of(params, max_thinking_tokens=32), control_setting(params, "tokens-8", max_thinking_tokens=8)]
    assert {spec.loops for spec in specs} == {params.loops}
    assert direct_setting(max_answer_tokens=4).loops is None


def test_parallel_samples_go_on_where_the_curves_have_ended() -> None:
    params = generate(num_parallel=3)
    specs = settings_of(params, max_thinking_tokens=32)
    assert names_of(specs, params) == [
        {1.0: [*CURVE, "parallel"]},
        {1.0: [*CURVE, "parallel"]},
        {1.0: ["parallel"]},
        {},
    ]


def names_of(specs: Sequence[ForcingSpec], params: GenerateParams) -> list[dict[float, list[str]]]:
    """Names of the settings of each of the first four samples, by temperature."""
    return [
        {heat: [spec.name for spec in wanted] for heat, wanted in of_sample(specs, params, sample=sample).items()}
        for sample in range(4)
    ]


def test_parallel_samples_of_another_temperature_have_traces_of_their_own() -> None:
    params = generate(num_parallel=2, num_samples=1, temperature=0.0, parallel_temperature=1.0)
    specs = settings_of(params, max_thinking_tokens=32)
    assert names_of(specs, params) == [{0.0: CURVE, 1.0: ["parallel"]}, {1.0: ["parallel"]}, {}, {}]


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.0},
        {"temperature": 0.0, "num_samples": 1, "num_parallel": 2},
        {"num_samples": 1, "num_parallel": 2, "parallel_temperature": 0.0},
        {"temperature": 0.0, "parallel_temperature": 1.0, "num_parallel": 2},
    ],
)
def test_several_greedy_samples_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="temperature above 0: greedy samples are all the same"):
        generate(**changes)


@pytest.mark.parametrize(
    ("points", "double"),
    [
        ({"settings": [{"name": "hmm"}, {"name": "hmm"}]}, "hmm"),
        ({"controls": [{"kind": "tokens", "amounts": [4, 4]}]}, "tokens-4"),
        ({"controls": [{"kind": "steps", "amounts": [4, 8], "force": True}] * 2}, "steps-4-forced"),
        ({"controls": [{"kind": "class"}, {"kind": "class"}]}, "class-short"),
    ],
)
def test_two_points_of_one_name_are_refused(points: dict[str, Any], double: str) -> None:
    with pytest.raises(ValidationError, match=rf"give the points \['{double}'.*\] twice"):
        generate(**points)


def test_a_limit_that_is_asked_for_and_enforced_is_two_points() -> None:
    asked = {"kind": "tokens", "amounts": [4]}
    assert len(generate(controls=[asked, {**asked, "force": True}]).controls) == 2


@pytest.mark.parametrize(
    "name",
    ["max-8", "wait-3", "parallel", "direct", "vote-4", "tokens-8-forced", "class-short", "class-long-2", "base"],
)
def test_a_name_that_is_given_by_itself_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="choose another, such as exact-256"):
        generate(settings=[{"name": name}])


@pytest.mark.parametrize("name", ["", "a/b c", "a b", "..", "-a", "naïve", "a\n", "x" * 65])
def test_a_name_that_would_break_files_and_keys_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is no name of a setting"):
        generate(settings=[{"name": name}])


def test_a_minimum_over_what_auto_comes_to_is_refused() -> None:
    params = generate(settings=[{"name": "long", "min_thinking_tokens": 50}], max_thinking_tokens="auto")
    with pytest.raises(ForcingError, match="'long': min_thinking_tokens is 50, above max_thinking_tokens 40"):
        settings_of(params, max_thinking_tokens=40)


def test_auto_is_the_context_without_prompt_delimiters_and_answer() -> None:
    # Newline and `final_answer_start` are 5 tokens.
    assert auto_thinking_tokens(TOKENS, max_context=100, longest_prompt=30, max_answer_tokens=4) == 61


def test_auto_that_leaves_nothing_is_refused_with_every_number() -> None:
    with pytest.raises(ForcingError, match=r"longest prompt \(91 tokens\).*\(5\).*\(4\) fill the context of 100"):
        auto_thinking_tokens(TOKENS, max_context=100, longest_prompt=91, max_answer_tokens=4)


def test_a_budget_over_the_context_is_refused_and_one_that_fits_a_prompt_is_not() -> None:
    specs = settings_of(generate(), max_thinking_tokens=32)
    check_room(specs, TOKENS, max_context=51, shortest_prompt=10)
    with pytest.raises(ForcingError, match="'wait-0' needs 32 thinking tokens, 4 .* 1 tokens over .* context of 50"):
        check_room(specs, TOKENS, max_context=50, shortest_prompt=10)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({"max_thinking_tokens": 8, "min_thinking_tokens": 9}, "min_thinking_tokens 9 is above max_thinking_tokens"),
        ({"min_thinking_tokens": -1}, "greater than or equal to 0"),
        ({"texts": ["Hmm"]}, "never appended"),
        ({"only_below": 0.5}, "needs num_waits"),
        ({"only_below": 1.5, "num_waits": 1}, "less than or equal to 1"),
        ({"only_below": 0.5, "num_waits": 1, "min_thinking_tokens": 2}, "goes with no min_thinking_tokens"),
    ],
)
def test_impossible_points_are_refused_where_parameters_are_read(point: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ForcingParams.model_validate({"name": "bad", **point})


def test_a_minimum_over_the_stages_maximum_is_refused_where_parameters_are_read() -> None:
    with pytest.raises(ValidationError, match=r"min_thinking_tokens 33 is above generate\.max_thinking_tokens 32"):
        generate(settings=[{"name": "long", "min_thinking_tokens": 33}])
