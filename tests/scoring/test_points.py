"""Points: shares, tokens and per-question control of measured scores, by hand."""

import pytest

from s1.config import ForcingParams
from s1.metrics.curves import Limits
from s1.scoring.limits import limits_of
from s1.scoring.points import measured_points
from tests.scoring.rows import make_score

FORCING = [
    ForcingParams(name="exact-256", min_thinking_tokens=256, max_thinking_tokens=256),
    ForcingParams(name="at-least", min_thinking_tokens=64),
    ForcingParams(name="hmm-2", num_waits=2, texts=["Hmm"]),
]


@pytest.mark.parametrize(
    ("setting", "limits"),
    [
        ("max-64", Limits(high=64)),
        ("tokens-1024", Limits(high=1024)),
        ("tokens-1024-forced", Limits(high=1024)),
        ("steps-16", Limits(high=1600)),
        ("class-short", Limits(high=50, is_strict=True)),
        ("class-long", Limits(low=50, is_strict=True)),
        ("exact-256", Limits(low=256, high=256)),
        ("at-least", Limits(low=64)),
        ("hmm-2", None),
        ("wait-2", None),
        ("parallel", None),
        ("direct", None),
        ("unheard-of", None),
    ],
)
def test_a_setting_asks_for_what_its_name_or_its_parameters_say(setting: str, limits: Limits | None) -> None:
    assert limits_of(setting, forcing=FORCING, default_tokens=50) == limits


def test_short_and_long_mean_nothing_without_plain_thinking() -> None:
    assert limits_of("class-short", forcing=[], default_tokens=None) is None


def test_tokens_waits_and_shares_are_means_over_generations() -> None:
    rows = [
        make_score("q0", "right", setting="wait-2", thinking=10, sampled=14, num_waits=2),
        make_score("q1", "wrong", setting="wait-2", thinking=20, sampled=26, num_waits=1),
        make_score("q2", "looped", setting="wait-2", thinking=30, sampled=30, num_waits=0),
        make_score("q3", "cut_at_length", setting="wait-2", thinking=40, sampled=50, num_waits=2),
    ]
    [point] = measured_points(rows, forcing=[])
    assert (point.mean_thinking_tokens, point.mean_sampled_tokens, point.mean_waits) == (25, 30, 1.25)
    assert point.shares == {
        "answered": 0.5,
        "no_answer": 0,
        "cut_at_length": 0.25,
        "cut_at_context": 0,
        "looped": 0.25,
        "engine_error": 0,
    }
    assert (point.accuracies(), point.num_generations) == ([1, 0, 0, 0], 4)
    assert (point.limits, point.control_per_question) == (None, None)


def test_samples_of_a_question_are_one_accuracy() -> None:
    rows = [make_score("q0", verdict, sample=sample) for sample, verdict in enumerate(("right", "wrong", "right"))]  # type: ignore[arg-type]
    [point] = measured_points(rows, forcing=[])
    assert point.accuracies() == [pytest.approx(2 / 3)]


def test_control_is_the_share_of_generations_within_what_was_asked() -> None:
    rows = [
        make_score(f"q{index}", setting="tokens-16", thinking=tokens) for index, tokens in enumerate((8, 16, 17, 40))
    ]
    [point] = measured_points(rows, forcing=[])
    assert (point.control_per_question, point.limits) == (0.5, Limits(high=16))


def test_what_never_thought_says_nothing_about_control() -> None:
    rows = [
        make_score("q0", setting="exact-256", thinking=256),
        make_score("q1", "cut_at_context", setting="exact-256", thinking=0),
        make_score("q2", "engine_error", setting="exact-256", thinking=3),
        make_score("q3", "looped", setting="exact-256", thinking=100),
    ]
    [point] = measured_points(rows, forcing=FORCING)
    assert point.control_per_question == 0.5


def test_short_is_short_against_the_same_questions_plain_thinking() -> None:
    rows = [
        make_score("q0", setting="wait-0", thinking=100),
        make_score("q1", setting="wait-0", thinking=10),
        make_score("q0", setting="class-short", thinking=50),
        make_score("q1", setting="class-short", thinking=50),
    ]
    _, short = measured_points(rows, forcing=[])
    assert short.control_per_question == 0.5  # 50 < 100, but not 50 < 10
    assert short.limits == Limits(high=55, is_strict=True)
