"""The table of the terminal: aligned, narrow, and every figure beside the base model."""

from pydantic import JsonValue

from s1.report.terminal import render_table

SCORES: dict[str, JsonValue] = {
    "nano-test": {
        "base": {"direct": {"accuracy": 0.1, "low": 0.07, "high": 0.13, "mean_thinking_tokens": 0.0}},
        "tuned": {
            "max-128": {"accuracy": 0.5, "low": 0.45, "high": 0.55, "mean_thinking_tokens": 101.3},
            "max-16": {"accuracy": 0.08, "low": 0.05, "high": 0.11, "mean_thinking_tokens": 16.0},
            "wait-2": {"accuracy": 0.6, "low": 0.56, "high": 0.64, "mean_thinking_tokens": 150.0},
        },
    }
}

TABLE = """
nano-test
------------------------------------------------------------------------------
model and setting          accuracy       interval  thinking tokens  over base
------------------------------------------------------------------------------
base model, direct            10.0%   7.0 to 13.0%              0.0
------------------------------------------------------------------------------
tuned, at most 16 tokens       8.0%   5.0 to 11.0%             16.0       -2.0
tuned, at most 128 tokens     50.0%  45.0 to 55.0%            101.3      +40.0
------------------------------------------------------------------------------
tuned, Wait x 2               60.0%  56.0 to 64.0%            150.0      +50.0
------------------------------------------------------------------------------
"""


def test_budgets_and_waits_stand_beside_the_base_model() -> None:
    assert render_table(SCORES) == TABLE.strip()


def test_the_table_is_narrow_and_plain() -> None:
    table = render_table(SCORES)
    assert max(len(line) for line in table.splitlines()) <= 100
    assert table.isascii()


def test_a_missing_base_model_is_called_not_measured() -> None:
    table = render_table({"b": {"tuned": {"max-16": {"accuracy": 0.5}}}})
    [base] = [line for line in table.splitlines() if line.startswith("base model")]
    assert base.count("not measured") == 3


def test_nothing_scored_is_said() -> None:
    assert render_table({}) == "No benchmark was scored."
