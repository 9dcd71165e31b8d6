"""A run says what it is, and warns where it is not of one piece."""

from s1.report.comparability import facts_of, warnings_of
from tests.comparing.runs import IDENTITY


def test_everything_recorded_is_shown_by_its_place_but_the_settings() -> None:
    engine = IDENTITY.engine.model_copy(update={"arguments": ("-x", "2")})
    facts = dict(facts_of(IDENTITY.model_copy(update={"engine": engine, "earlier_engines": (engine,)})))
    assert (facts["models: tuned: weights"], facts["seed"], facts["packages: torch"]) == ("w1", "0", "2.0")
    assert {name: value for name, value in facts.items() if name.startswith("engine")} == {
        "engine: kind": "vllm",
        "engine: version": "0.6.1",
        "engine: dtype": "float32",
        "engine: batch size": "none",
        "engine: num servers": "1",
        "engine: tensor parallel": "1",
        "engine: arguments": "-x, 2",
        "engine: device": "1 x GPU",
    }
    assert not any(name.startswith(("settings", "earlier")) for name in facts)


def test_answers_of_several_engines_are_warned_of_by_name() -> None:
    later = IDENTITY.engine.model_copy(update={"version": "0.11.0"})
    [warning] = warnings_of(IDENTITY.model_copy(update={"engine": later, "earlier_engines": (IDENTITY.engine,)}))
    assert "vllm 0.6.1 in float32 on 1 x GPU, then vllm 0.11.0 in float32 on 1 x GPU" in warning
    assert "dvc repro -f -s generate" in warning


def test_a_run_of_one_engine_warns_of_nothing() -> None:
    assert warnings_of(IDENTITY) == []
