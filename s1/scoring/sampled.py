"""Parallel scaling: majority votes and rejection sampling, made of the samples of the setting ``parallel``.

Knows which answers are the same (by the grader's comparison); decodes nothing. A figure is the exact mean over all ways
to draw the votes, or over all orders of the tries, from the samples that there are, not one lucky draw. Tokens are all
those that one answer takes, so that points stand beside sequential ones of the same cost.

Rejection sampling asks again until the thinking ends by itself within the limit. A try that does not is stopped at the
limit, and costs that much. A question none of whose samples fits counts as cut, with the cost of all tries.

Example::

    [vote] = vote_points(samples, [4])
    vote.setting, vote.mean_thinking_tokens     # ('vote-4', 381.5)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from s1.grading import grade
from s1.metrics.curves import Limits
from s1.metrics.paired import outcome_key
from s1.metrics.sampling import AnswerGroup, SampledQuestion, SamplingFigures, sampling_figures
from s1.records import ENDS, TUNED, Question, Score
from s1.scoring.points import Point, share_of_ends
from s1.setting_names import PARALLEL, setting_name


@dataclass(frozen=True, slots=True)
class Samples:
    """All parallel samples of one benchmark, by question."""

    rows: Mapping[str, Sequence[Score]]
    votes: Mapping[str, SampledQuestion]

    @property
    def num_samples(self) -> int:
        """Samples that every question has at least."""
        return min(len(rows) for rows in self.rows.values())

    @property
    def all_rows(self) -> list[Score]:
        """The samples of all questions."""
        return [row for rows in self.rows.values() for row in rows]


@dataclass(frozen=True, slots=True)
class _Try:
    """What asking again and again is worth for one question, on average over the orders of its samples."""

    worth: float
    num_tries: float
    thinking_tokens: float
    sampled_tokens: float
    accepted: tuple[Score, ...]


def collect_samples(rows: Sequence[Score], questions: Mapping[str, Question]) -> Samples | None:
    """The scores of the setting ``parallel``; None where it was not decoded.

    Args:
        rows: scores of one benchmark.
        questions: its questions by id.
    """
    by_question: dict[str, list[Score]] = {}
    for row in rows:
        if row.model == TUNED and row.setting == PARALLEL:
            by_question.setdefault(row.question_id, []).append(row)
    if not by_question:
        return None
    ordered = {key: sorted(by_question[key], key=lambda row: row.sample) for key in sorted(by_question)}
    votes = {key: group_answers(of_question, questions[key]) for key, of_question in ordered.items()}
    return Samples(ordered, votes)


def group_answers(rows: Sequence[Score], question: Question) -> SampledQuestion:
    """Put samples with the same answer together; those without an answer do not vote."""
    groups: list[list[Score]] = []
    known: dict[tuple[str, bool], list[Score]] = {}
    for row in rows:
        if row.answer is None:
            continue
        key = (row.answer, row.correct)
        if key not in known:
            same = next((group for group in groups if _is_same(row, group[0], question)), None)
            if same is None:
                groups.append(same := [])
            known[key] = same
        known[key].append(row)
    return SampledQuestion(len(rows), tuple(AnswerGroup(len(group), group[0].correct) for group in groups))


def _is_same(one: Score, other: Score, question: Question) -> bool:
    """Whether two answers mean the same; what the grader judges differently does not."""
    if one.correct != other.correct or one.answer is None or other.answer is None:
        return False
    if one.answer.split() == other.answer.split():
        return True
    # The comparison takes an answer and a reference, and reads words around an answer only: so both ways count.
    return any(
        grade(answer, question.model_copy(update={"answer": reference})) is True
        for answer, reference in ((one.answer, other.answer), (other.answer, one.answer))
    )


def vote_points(samples: Samples, counts: Sequence[int]) -> list[Point]:
    """A point ``vote-<k>`` for every number of votes.

    Raises:
        ValueError: there are fewer samples than votes.
    """
    return [_vote_point(samples, count) for count in counts]


def _vote_point(samples: Samples, count: int) -> Point:
    rows = samples.all_rows
    answered = fmean(question.answered_at(count) for question in samples.votes.values())
    return Point(
        model=TUNED,
        setting=setting_name("vote", count),
        outcomes={
            outcome_key(samples.rows[key][0]): (question.majority_at(count),) for key, question in samples.votes.items()
        },
        mean_thinking_tokens=count * fmean(row.num_thinking_tokens for row in rows),
        mean_sampled_tokens=count * fmean(row.num_sampled_tokens for row in rows),
        mean_waits=fmean(row.num_waits for row in rows),
        shares={**dict.fromkeys(ENDS, 0.0), "answered": answered, "no_answer": 1 - answered},
        num_generations=len(rows),
    )


def rejection_points(samples: Samples, budgets: Sequence[int]) -> list[Point]:
    """A point ``reject-<n>`` for every limit of thinking tokens; a question is tried as often as it has samples."""
    return [_rejection_point(samples, budget) for budget in budgets]


def _rejection_point(samples: Samples, budget: int) -> Point:
    tries = {key: _ask_again(rows, budget) for key, rows in samples.rows.items()}
    found = [item for item in tries.values() if item.accepted]
    ends = [share_of_ends([row.verdict for row in item.accepted]) for item in found]
    shares = {end: sum(of_question[end] for of_question in ends) / len(tries) for end in ENDS}
    shares["cut_at_length"] += 1 - len(found) / len(tries)
    return Point(
        model=TUNED,
        setting=setting_name("reject", budget),
        outcomes={outcome_key(samples.rows[key][0]): (item.worth,) for key, item in tries.items()},
        mean_thinking_tokens=fmean(item.thinking_tokens for item in tries.values()),
        mean_sampled_tokens=fmean(item.sampled_tokens for item in tries.values()),
        mean_waits=fmean(row.num_waits for row in samples.all_rows),
        shares=shares,
        num_generations=len(samples.all_rows),
        limits=Limits(high=budget) if found else None,
        controlled_tokens=_mean_accepted(found) if found else None,
        control_per_question=len(found) / len(tries),
        details={
            "mean_tries": fmean(item.num_tries for item in tries.values()),
            "share_accepted": len(found) / len(tries),
            **({"mean_accepted_thinking_tokens": _mean_accepted(found)} if found else {}),
        },
    )


def _ask_again(rows: Sequence[Score], budget: int) -> _Try:
    fits = [row.thinking_end == "natural" and row.num_thinking_tokens <= budget for row in rows]
    accepted = tuple(row for row, fit in zip(rows, fits, strict=True) if fit)
    refused = [row for row, fit in zip(rows, fits, strict=True) if not fit]
    # In a random order of n samples, c of which fit, the first that fits stands at place (n + 1) / (c + 1) on average.
    num_refused = len(refused) / (len(accepted) + 1) if accepted else float(len(refused))
    wasted = num_refused * _mean(refused, lambda row: min(row.num_thinking_tokens, budget))
    return _Try(
        worth=_mean(accepted, lambda row: row.correct),
        num_tries=num_refused + bool(accepted),
        thinking_tokens=wasted + _mean(accepted, lambda row: row.num_thinking_tokens),
        sampled_tokens=wasted + _mean(accepted, lambda row: row.num_sampled_tokens),
        accepted=accepted,
    )


def _mean(rows: Sequence[Score], figure: Callable[[Score], float]) -> float:
    return fmean(figure(row) for row in rows) if rows else 0.0


def _mean_accepted(found: Sequence[_Try]) -> float:
    return fmean(_mean(item.accepted, lambda row: row.num_thinking_tokens) for item in found)


def sampled_figures(samples: Samples, vote_counts: Sequence[int]) -> SamplingFigures:
    """avg@k, pass@k and maj@k at the powers of two, at all samples and at the numbers of votes.

    Raises:
        MetricError: the figures break a rule that ties them together.
    """
    powers = [2**power for power in range(samples.num_samples.bit_length())]
    return sampling_figures(list(samples.votes.values()), counts=[*powers, samples.num_samples, *vote_counts])
