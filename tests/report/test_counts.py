"""The end of a run that trained nothing, on a terminal."""

from pydantic import JsonValue

from s1.report.counts import render_counts

METRICS: dict[str, dict[str, JsonValue]] = {
    "curate": {
        "funnel": {"collected": 117_000, "unique": 72_000, "decontaminated": 71_000, "quality": 60_000},
        "reasons": {"duplicate": 45_000, "ngram8": 1_000, "image": 11_000, "kept": 60_000},
    },
    "select": {
        "funnel": {"hard": 3_000, "traced": 500, "selected": 400},
        "reasons": {
            "not_attempted": 50_000,
            "too_easy_both": 7_000,
            "no_trace": 2_500,
            "not_drawn": 100,
            "random": 400,
        },
    },
    "tokenize": {
        "num_examples": 398,
        "num_tokens": 2_000_000,
        "num_target_tokens": 1_900_000,
        "length": {"max": 32_001},
        "reasons": {"trained": 398, "over_length": 1, "answer_stated": 1},
    },
    "train": {"state": "not_run"},
    "score": {"state": "not_run"},
}


def test_every_step_stands_there_with_what_is_left_and_why_the_others_left() -> None:
    lines = render_counts(METRICS).splitlines()
    assert lines[3:-3] == [
        "collected          117,000",
        "unique              72,000  duplicate 45,000",
        "decontaminated      71,000  ngram8 1,000",
        "quality             60,000  image 11,000",
        "hard                 3,000  not_attempted 50,000, too_easy_both 7,000",
        "traced                 500  no_trace 2,500",
        "selected               400  not_drawn 100",
        "examples               398  over_length 1, answer_stated 1",
    ]
    assert lines[-2:] == [
        "Examples: 2,000,000 tokens, 1,900,000 of them trained on; the longest has 32,001.",
        "train, score: not run in this profile.",
    ]


def test_many_reasons_go_on_in_lines_below_and_none_is_longer_than_a_hundred_columns() -> None:
    reasons: dict[str, JsonValue] = {f"too_easy_{number}": 1_000 + number for number in range(20)}
    text = render_counts({**METRICS, "select": {"funnel": {"hard": 1}, "reasons": reasons}})
    assert max(len(line) for line in text.splitlines()) <= 100
    assert all(f"{reason} {count:,}" in text for reason, count in reasons.items())


def test_nothing_is_said_of_stages_that_were_not_asked_for() -> None:
    assert render_counts({"score": {"state": "not_run"}}) == "score: not run in this profile."
