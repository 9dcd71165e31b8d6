"""A run says what it is, and warns where it is not of one piece."""

from pydantic import JsonValue

from s1.report.comparability import facts_of, warnings_of

ENGINE: dict[str, JsonValue] = {
    "kind": "vllm",
    "version": "0.6.1",
    "dtype": "float32",
    "device": "H100",
    "arguments": [],
    "batch_size": None,
}


def test_everything_recorded_is_shown_by_its_place_but_the_settings() -> None:
    identity: dict[str, JsonValue] = {
        "models": {"tuned": {"weights": "ab12"}},
        "engine": {**ENGINE, "arguments": ["-x", "2"]},
    }
    identity["seed"] = 0
    assert facts_of({**identity, "settings": {"tuned/max-16": {"x": 1}}}) == [
        ("models: tuned: weights", "ab12"),
        ("engine: kind", "vllm"),
        ("engine: version", "0.6.1"),
        ("engine: dtype", "float32"),
        ("engine: device", "H100"),
        ("engine: arguments", "-x, 2"),
        ("engine: batch size", "none"),
        ("seed", "0"),
    ]


def test_answers_of_several_engines_are_warned_of_by_name() -> None:
    later = {**ENGINE, "version": "0.11.0"}
    [warning] = warnings_of({"engine": later, "earlier_engines": [ENGINE]})
    assert "vllm 0.6.1 in float32 on H100, then vllm 0.11.0 in float32 on H100" in warning
    assert "dvc repro -f -s generate" in warning


def test_a_run_of_one_engine_or_without_a_record_warns_of_nothing() -> None:
    assert warnings_of({"engine": ENGINE, "earlier_engines": []}) == warnings_of({}) == []
