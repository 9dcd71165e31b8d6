"""Which questions a reader should see in full: chosen by rule, never by hand.

Knows scores only, so that the (large) generations need not be in memory to choose. One question of each kind in turn,
none twice, in the order of question ids, which are hashes and so as good as random.

Example::

    choices = choose_transcripts(scores, num=6)
    choices[0].why          # 'Wait corrected it: wrong before, right after Wait × 2.'
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from s1.records import BASE, TUNED, Generation, Question, Score
from s1.report.content import Flip, Run, Transcript
from s1.report.words import VERDICT_WORDS, describe_setting
from s1.setting_names import MADE_OF_SAMPLES, SettingKind, parse_setting, place_of

UNANSWERED = ("cut_at_length", "cut_at_context", "looped", "engine_error")


@dataclass(frozen=True, slots=True)
class Case:
    """One question and sample under every setting, the base model's answer included."""

    benchmark: str
    question_id: str
    sample: int
    scores: tuple[Score, ...]

    def of_kind(self, kind: SettingKind) -> list[tuple[int, Score]]:
        """The tuned model's scores of one kind by rising amount."""
        found = [(parse_setting(row.setting), row) for row in self.scores if row.model == TUNED]
        return sorted(((name.amount or 0, row) for name, row in found if name.kind == kind), key=lambda pair: pair[0])

    @property
    def base(self) -> Score | None:
        """The base model's direct answer."""
        return next((row for row in self.scores if row.model == BASE), None)

    def baseline(self, score: Score) -> Score | None:
        """What a flip compares with: Waits with the fewest, budgets with the smallest, those two with the base model.

        Everything else is compared with plain thinking, which is the fewest Waits or else the largest budget.
        """
        if score.model != TUNED:
            return None
        budgets, waits = self.of_kind("budget"), self.of_kind("wait")
        starts = {"budget": budgets[:1], "wait": waits[:1]}.get(parse_setting(score.setting).kind)
        start = (starts if starts is not None else waits[:1] or budgets[-1:]) or [(0, score)]
        return self.base if start[0][1] is score else start[0][1]


@dataclass(frozen=True, slots=True)
class Choice:
    """One question to show, the run that it was chosen for, and why."""

    case: Case
    featured: Score
    why: str


def choose_transcripts(scores: Iterable[Score], *, num: int) -> list[Choice]:
    """Choose up to ``num`` questions: Wait flips first, then too little thinking, no answer, plain right and wrong.

    Then flips of other settings, and the base model; and so on in turn, so that every kind of flip can be read.
    """
    cases = _group(sorted(scores, key=lambda score: score.key))
    queues = [
        _wait_flips(cases, corrected=True),
        _wait_flips(cases, corrected=False),
        _cut_short(cases),
        _unanswered(cases),
        _longest_budget(cases, correct=True),
        _longest_budget(cases, correct=False),
        _other_flips(cases, corrected=True),
        _other_flips(cases, corrected=False),
        [Choice(case, case.base, "The base model, before fine-tuning.") for case in cases if case.base is not None],
    ]
    chosen: list[Choice] = []
    seen: set[tuple[str, str]] = set()
    while len(chosen) < num and any(queues):
        for queue in queues:
            while queue and _question(queue[0]) in seen:
                queue.pop(0)
            if queue and len(chosen) < num:
                choice = queue.pop(0)
                seen.add(_question(choice))
                chosen.append(choice)
    return chosen


def assemble_transcripts(
    choices: Sequence[Choice], *, generations: Iterable[Generation], questions: Iterable[Question]
) -> list[Transcript]:
    """Join the choices with their texts, in the order of the choices.

    Raises:
        ValueError: a generation or its question is missing: the files are not of one run.
    """
    wanted = {score.key for choice in choices for score in choice.case.scores}
    found = {row.key: row for row in generations if row.key in wanted}
    asked = {(question.source, question.id): question for question in questions}
    transcripts = []
    for choice in choices:
        missing = [score.key for score in choice.case.scores if score.key not in found]
        question = asked.get(_question(choice))
        if missing or question is None:
            what = f"generation of score {missing[0]}" if missing else f"question of {_question(choice)}"
            raise ValueError(
                f"the {what} is missing: scores and generations are not of one run. Run `dvc repro` (or `make demo`) "
                "to make them again."
            )
        transcripts.append(
            Transcript(
                benchmark=choice.case.benchmark,
                why=choice.why,
                question=question.question,
                reference=choice.featured.reference,
                runs=tuple(_run(choice, score, found[score.key]) for score in choice.case.scores),
            )
        )
    return transcripts


def _run(choice: Choice, score: Score, generation: Generation) -> Run:
    before = choice.case.baseline(score)
    return Run(
        model=score.model,
        setting=score.setting,
        flip=_flip(before, score),
        against=None if before is None else f"{before.model}/{before.setting}",
        answer=score.answer,
        verdict=score.verdict,
        segments=tuple(generation.segments),
        num_thinking_tokens=generation.num_thinking_tokens,
        is_featured=score is choice.featured,
    )


def _flip(before: Score | None, after: Score) -> Flip:
    if before is None:
        return "alone"
    if before.correct == after.correct:
        return "same"
    return "gained" if after.correct else "lost"


def _question(choice: Choice) -> tuple[str, str]:
    return choice.case.benchmark, choice.case.question_id


def _group(ordered: Iterable[Score]) -> list[Case]:
    """Cases by question and sample; the base model's answer of that sample, or else its first one, joins each."""
    tuned: dict[tuple[str, str, int], list[Score]] = {}
    base: dict[tuple[str, str], dict[int, Score]] = {}
    for score in ordered:
        if score.model == BASE:
            base.setdefault((score.benchmark, score.question_id), {})[score.sample] = score
        elif parse_setting(score.setting).kind not in MADE_OF_SAMPLES:
            tuned.setdefault((score.benchmark, score.question_id, score.sample), []).append(score)
    for (benchmark, question_id), samples in base.items():
        tuned.setdefault((benchmark, question_id, min(samples)), [])
    cases = []
    for (benchmark, question_id, sample), rows in sorted(tuned.items()):
        answers: Mapping[int, Score] = base.get((benchmark, question_id), {})
        direct = answers.get(sample) or next(iter(answers.values()), None)
        rows.sort(key=lambda score: place_of(score.setting))
        cases.append(Case(benchmark, question_id, sample, (*rows, *([direct] if direct is not None else []))))
    return cases


def _wait_flips(cases: Sequence[Case], *, corrected: bool) -> list[Choice]:
    choices = []
    for case in cases:
        waits = dict(case.of_kind("wait"))
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
            choices.append(Choice(case, flipped[1], why))
    return choices


def _other_flips(cases: Sequence[Case], *, corrected: bool) -> list[Choice]:
    """Questions that another setting than those above flips, against the point that it is compared with."""
    seen: tuple[SettingKind, ...] = ("wait", "budget") if corrected else ("wait",)
    words = "wrong with {}, right with {}." if corrected else "right with {}, wrong with {}."
    choices = []
    for case in cases:
        for score in case.scores:
            start = case.baseline(score)
            if start is None or start.model != TUNED or parse_setting(score.setting).kind in seen:
                continue
            if _flip(start, score) == ("gained" if corrected else "lost"):
                why = f"Changed: {words.format(describe_setting(start.setting), describe_setting(score.setting))}"
                choices.append(Choice(case, score, why))
                break
    return choices


def _quoted(answer: str | None) -> str:
    return "none" if answer is None else f"“{answer}”"


def _cut_short(cases: Sequence[Case]) -> list[Choice]:
    choices = []
    for case in cases:
        budgets = case.of_kind("budget")
        later = next((amount for amount, score in budgets[1:] if score.correct), None)
        if budgets and not budgets[0][1].correct and later is not None:
            why = f"Too little thinking: wrong when cut at {budgets[0][0]:,} tokens, right with at most {later:,}."
            choices.append(Choice(case, budgets[0][1], why))
    return choices


def _unanswered(cases: Sequence[Case]) -> list[Choice]:
    """The last setting of a question under which no answer came."""
    lasts = [
        (case, next((row for row in reversed(case.scores) if row.model == TUNED and row.verdict in UNANSWERED), None))
        for case in cases
    ]
    return [
        Choice(case, row, f"Not answered ({VERDICT_WORDS[row.verdict]}), {describe_setting(row.setting)}.")
        for case, row in lasts
        if row is not None
    ]


def _longest_budget(cases: Sequence[Case], *, correct: bool) -> list[Choice]:
    word = "Right" if correct else "Wrong"
    lasts = [(case, case.of_kind("budget")[-1]) for case in cases if case.of_kind("budget")]
    return [
        Choice(case, score, f"{word} with the largest budget, at most {amount:,} thinking tokens.")
        for case, (amount, score) in lasts
        if score.correct == correct
    ]
