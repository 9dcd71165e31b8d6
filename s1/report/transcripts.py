"""Which generations a reader should see in full: chosen by rule, never by hand.

Knows scores only, so that the (large) generations need not be in memory to choose. One generation of each kind in turn,
no question twice, in the order of question ids, which are hashes and so as good as random.

Example::

    choices = choose_transcripts(scores, num=6)
    choices[0].why          # 'Wait corrected it: wrong before, right after Wait × 2.'
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from s1.records import Generation, Question, Score
from s1.report.content import Transcript
from s1.report.reading import split_setting

GenerationKey = tuple[str, str, str, str, int]
"""Benchmark, question id, model, setting, sample: names one generation."""

_Runs = Sequence[Mapping[tuple[str, int], Score]]
"""Per benchmark, question and sample: the scores of one model by kind and amount of the setting."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One generation to show, by its score, and why."""

    score: Score
    why: str


def generation_key(row: Score | Generation) -> GenerationKey:
    """Names a generation, from itself or from its score."""
    return (row.benchmark, row.question_id, row.model, row.setting, row.sample)


def choose_transcripts(scores: Iterable[Score], *, num: int) -> list[Choice]:
    """Choose up to ``num`` generations: Wait flips first, then cut thinking, plain right and wrong, the base model."""
    ordered = sorted(scores, key=generation_key)
    tuned, base = _group(ordered, model="tuned"), _group(ordered, model="base")
    queues = [
        _wait_flips(tuned, corrected=True),
        _wait_flips(tuned, corrected=False),
        _cut_short(tuned),
        _longest_budget(tuned, correct=True),
        _longest_budget(tuned, correct=False),
        [Choice(score, "The base model, before fine-tuning.") for run in base for score in run.values()],
    ]
    chosen: list[Choice] = []
    seen: set[tuple[str, str]] = set()
    while len(chosen) < num and any(queues):
        for queue in queues:
            while queue and (queue[0].score.benchmark, queue[0].score.question_id) in seen:
                queue.pop(0)
            if queue and len(chosen) < num:
                choice = queue.pop(0)
                seen.add((choice.score.benchmark, choice.score.question_id))
                chosen.append(choice)
    return chosen


def assemble_transcripts(
    choices: Sequence[Choice], *, generations: Iterable[Generation], questions: Iterable[Question]
) -> list[Transcript]:
    """Join the choices with their text, in the order of the choices.

    Raises:
        ValueError: a chosen generation or its question is missing: the files are not of one run.
    """
    wanted = {generation_key(choice.score) for choice in choices}
    found = {generation_key(row): row for row in generations if generation_key(row) in wanted}
    asked = {(question.source, question.id): question for question in questions}
    transcripts = []
    for choice in choices:
        score = choice.score
        generation, question = found.get(generation_key(score)), asked.get((score.benchmark, score.question_id))
        if generation is None or question is None:
            missing = "generation" if generation is None else "question"
            raise ValueError(
                f"the {missing} of score {generation_key(score)} is missing: scores and generations are not of one "
                "run. Run `dvc repro` (or `make demo`) to make them again."
            )
        transcripts.append(
            Transcript(
                benchmark=score.benchmark,
                setting=score.setting,
                model=score.model,
                why=choice.why,
                question=question.question,
                reference=score.reference,
                answer=score.answer,
                verdict=score.verdict,
                segments=tuple(generation.segments),
                num_thinking_tokens=generation.num_thinking_tokens,
            )
        )
    return transcripts


def _group(scores: Iterable[Score], *, model: str) -> _Runs:
    runs: dict[tuple[str, str, int], dict[tuple[str, int], Score]] = {}
    for score in scores:
        if score.model == model:
            kind, amount = split_setting(score.setting)
            run = runs.setdefault((score.benchmark, score.question_id, score.sample), {})
            run[kind, amount or 0] = score
    return list(runs.values())


def _of_kind(run: Mapping[tuple[str, int], Score], kind: str) -> list[tuple[int, Score]]:
    return sorted((amount, score) for (name, amount), score in run.items() if name == kind)


def _wait_flips(runs: _Runs, *, corrected: bool) -> list[Choice]:
    choices = []
    for run in runs:
        waits = dict(_of_kind(run, "wait"))
        plain = waits.pop(0, None)
        if plain is None or plain.correct == corrected:
            continue
        flipped = next(((amount, score) for amount, score in waits.items() if score.correct == corrected), None)
        if flipped is not None:
            before, after = ("wrong", "right") if corrected else ("right", "wrong")
            verb = "corrected" if corrected else "spoiled"
            why = (
                f"Wait {verb} it: {before} without (answer {_quoted(plain.answer)}), {after} after Wait × {flipped[0]}."
            )
            choices.append(Choice(flipped[1], why))
    return choices


def _quoted(answer: str | None) -> str:
    return "none" if answer is None else f"“{answer}”"


def _cut_short(runs: _Runs) -> list[Choice]:
    choices = []
    for run in runs:
        budgets = _of_kind(run, "budget")
        later = next((amount for amount, score in budgets[1:] if score.correct), None)
        if budgets and not budgets[0][1].correct and later is not None:
            why = f"Too little thinking: wrong when cut at {budgets[0][0]:,} tokens, right with at most {later:,}."
            choices.append(Choice(budgets[0][1], why))
    return choices


def _longest_budget(runs: _Runs, *, correct: bool) -> list[Choice]:
    word = "Right" if correct else "Wrong"
    lasts = [_of_kind(run, "budget")[-1] for run in runs if _of_kind(run, "budget")]
    return [
        Choice(score, f"{word} with the largest budget, at most {amount:,} thinking tokens.")
        for amount, score in lasts
        if score.correct == correct
    ]
