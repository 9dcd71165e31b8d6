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


def test_every_kind_of_setting_has_its_rows_and_its_group() -> None:
    settings = ("hmm-2", "tokens-64-forced", "steps-4", "class-short", "parallel", "vote-4", "reject-64", "max-16")
    table = render_table({"b": {"tuned": {setting: {"accuracy": 0.5} for setting in settings}}})
    named = [line.split("  ")[0] for line in table.splitlines() if line.startswith("tuned, ")]
    assert named == [
        "tuned, at most 16 tokens",
        "tuned, hmm-2",
        "tuned, asked for 64 tokens, cut there",
        "tuned, asked for 4 steps",
        "tuned, asked to think short",
        "tuned, plain thinking, parallel samples",
        "tuned, majority of 4",
        "tuned, first within 64 tokens",
    ]
    assert max(len(line) for line in table.splitlines()) <= 100


def test_a_name_of_any_letters_and_length_keeps_the_table_narrow_and_plain() -> None:
    table = render_table({"b": {"tuned": {"hmm × 2 " * 20: {"accuracy": 0.5}}}})
    assert table.isascii()
    assert max(len(line) for line in table.splitlines()) <= 100


def test_answers_that_never_came_are_told_under_the_table() -> None:
    points: dict[str, JsonValue] = {
        "max-16": {"accuracy": 0.5, "shares": {"answered": 0.95, "no_answer": 0.05}},
        "max-64": {"accuracy": 0.6, "shares": {"answered": 0.7, "looped": 0.3}},
        "wait-0": {"accuracy": 0.6, "shares": {"answered": 1.0}},
    }
    last = render_table({"b": {"tuned": points}}).splitlines()[-1]
    assert last == "No gradable answer, counted as wrong: up to 30.0% (at most 64 tokens). The report has all."
