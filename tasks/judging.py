"""The judge's opinions on generations, beside the symbolic verdicts.

Knows ``s1.judge``, what of a generation is shown to it, and what is noted; the figures of scores are ``tasks.score``.

Example::

    judging = judge_generations(stage, judge=score.judge, questions=questions)
    judging.agrees(generation)          # True, False, or None: not judged or unclear
    judging.figures["nano-test"]        # {'num_judged': 400, 'agreement': 0.99, 'table': {...}}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.prices import tokens_of_model
from s1.artifacts import iterate_jsonl
from s1.config import Judge
from s1.grading import extract_answer, grade, reference_answer
from s1.judge.opinions import JudgeItem, Opinion, agreement_table, judge_answers
from s1.records import Generation, GenerationKey, JudgeNote, Question
from s1.teacher.archive import Archive
from tasks.paths import GENERATIONS
from tasks.stage import Metrics, StageContext


@dataclass(frozen=True, slots=True)
class Judging:
    """What the judge said."""

    notes: list[JudgeNote] = field(default_factory=list)
    figures: dict[str, Metrics] = field(default_factory=dict)
    """By benchmark: how many answers were judged, and the table of both graders."""
    opinions: dict[GenerationKey, bool | None] = field(default_factory=dict)

    def agrees(self, generation: Generation) -> bool | None:
        """The judge's verdict; None where it was not asked or is unclear."""
        return self.opinions.get(generation.key)

    def was_asked(self, generation: Generation) -> bool:
        """Whether there is a reply, clear or not."""
        return generation.key in self.opinions


def judge_generations(stage: StageContext, *, judge: Judge, questions: Mapping[tuple[str, str], Question]) -> Judging:
    """Ask about every answered generation in the judge's scope; archived opinions are not asked for again.

    Raises:
        JudgeError: the judge gives no answer.
    """
    asked = [row for row in _items(questions) if judge.scope == "all" or row[-1].symbolic is None]
    items = [item for *_, item in asked]

    def tell(done: int, total: int) -> None:
        stage.progress(done, total, f"answers judged by {judge.model}")

    opinions = judge_answers(items, model=judge.model, archive=Archive(stage.archive_folder / "judge"), progress=tell)
    judging = Judging()
    by_benchmark: dict[str, list[tuple[JudgeItem, Opinion]]] = {}
    for (key, answer, item), opinion in zip(asked, opinions, strict=True):
        judging.opinions[key] = opinion.agrees
        by_benchmark.setdefault(key[0], []).append((item, opinion))
        if opinion.agrees is None or item.symbolic != opinion.agrees:
            judging.notes.append(_note(key, answer, item, opinion))
    judging.figures.update({name: _figures(rows) for name, rows in by_benchmark.items()})
    _add_quantities(stage, items, opinions, model=judge.model)
    return judging


def _items(questions: Mapping[tuple[str, str], Question]) -> Iterator[tuple[GenerationKey, str | None, JudgeItem]]:
    """What was answered to a question that has a reference, with the extracted answer; the rest cannot be compared."""
    for generation in iterate_jsonl(GENERATIONS, Generation):
        question = questions.get((generation.benchmark, generation.question_id))
        reference = None if question is None else reference_answer(question)
        if question is None or reference is None or generation.state != "answered":
            continue
        answer = extract_answer(generation.answer_text, kind=question.answer_kind)
        item = JudgeItem(question.question, reference, generation.answer_text, grade(answer, question))
        yield generation.key, answer, item


def _note(key: GenerationKey, answer: str | None, item: JudgeItem, opinion: Opinion) -> JudgeNote:
    benchmark, question_id, model, setting, sample = key
    return JudgeNote(
        benchmark=benchmark,
        question_id=question_id,
        model=model,
        setting=setting,
        sample=sample,
        answer=answer,
        reference=item.reference,
        symbolic=item.symbolic,
        judge=opinion.agrees,
        reply=opinion.reply,
    )


def _figures(rows: list[tuple[JudgeItem, Opinion]]) -> Metrics:
    both = [(item.symbolic, opinion.agrees) for item, opinion in rows]
    compared = [one == other for one, other in both if one is not None and other is not None]
    table = agreement_table([item for item, _ in rows], [opinion for _, opinion in rows])
    return {
        "num_judged": len(rows),
        "agreement": sum(compared) / len(compared) if compared else None,
        "table": {name: {**counts} for name, counts in table.items()},
    }


def _add_quantities(stage: StageContext, items: list[JudgeItem], opinions: list[Opinion], *, model: str) -> None:
    """Tokens of all opinions that the result rests on, whenever they were paid for; equal prompts count once."""
    paid = {item.prompt: opinion.usage for item, opinion in zip(items, opinions, strict=True)}.values()
    tokens = tokens_of_model(
        model,
        prompt_tokens=sum(usage.prompt_tokens for usage in paid),
        output_tokens=sum(usage.thinking_tokens + usage.answer_tokens for usage in paid),
    )
    for name, amount in tokens.items():
        stage.add_quantity(name, amount)
