"""What earlier stages left, read for selecting: the material of the pool, and who is right.

Knows where artifacts lie; used by the stage ``select`` and by the comparison of selections across seeds, which draws
again from a finished run's files.

Example::

    material = read_material(select, count_tokens=load_token_counter(LARGE_MODEL))
    judge = AnswerJudge(lambda num_done: None)
    drawn = draw(build_pool(material, main_entry(select)).candidates, params=select, seed=0, judge=judge)
"""

from collections.abc import Callable
from pathlib import Path

from s1.artifacts import iterate_jsonl, read_jsonl
from s1.config import OtherSelection, SelectParams
from s1.decisions import Decision
from s1.difficulty import difficulty_by_question
from s1.grading import extract_answer, grade
from s1.records import DomainLabel, Question, Trace
from s1.selection.pool import Candidate, Entry, Material, index_by_question, weigh_traces
from s1.tokens import TokenCounter
from tasks.paths import CURATED, DIFFICULTY, DOMAINS, TRACES

_TELL_EVERY = 200


def main_entry(select: SelectParams) -> Entry:
    """What a question needs to be a candidate of the selection that is trained on."""
    return Entry.of(select.recipe)


def other_entry(other: OtherSelection) -> Entry:
    """The same for another selection."""
    only_hard = {"recipe": None, "hard": True, "any": False}[other.difficulty]
    return Entry.of(other.recipe, only_hard=only_hard, needs_trace=other.traces == "required")


def params_of(other: OtherSelection, select: SelectParams) -> SelectParams:
    """The section as another selection reads it."""
    return select.model_copy(update={"recipe": other.recipe, "num_examples": other.num_examples, "others": []})


def read_material(select: SelectParams, *, count_tokens: TokenCounter, root: Path = Path()) -> Material:
    """What the stages before ``select`` found out; traces are read as a stream, and only their facts are kept.

    Args:
        select: decides whose traces have to be measured.
        count_tokens: of the model that is trained.
        root: the run's folder.

    Raises:
        ArtifactError: a file is missing or damaged.
        ValueError: the files are not of one run.
    """
    questions = read_jsonl(root / CURATED, Question)
    difficulty = difficulty_by_question(questions, read_jsonl(root / DIFFICULTY, Decision))
    entries = [main_entry(select), *map(other_entry, select.others)]
    only_hard = all(entry.only_hard for entry in entries)

    def is_wanted(question_id: str) -> bool:
        return question_id in difficulty and (difficulty[question_id].kept or not only_hard)

    return Material(
        questions=questions,
        difficulty=difficulty,
        traces=weigh_traces(iterate_jsonl(root / TRACES, Trace), count_tokens=count_tokens, is_wanted=is_wanted),
        labels=index_by_question(iterate_jsonl(root / DOMAINS, DomainLabel), what="domain labels"),
    )


class AnswerJudge:
    """Grades the teacher's answers, each once: symbolic grading of many thousands takes minutes."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        """``tell`` hears now and then how many were graded."""
        self._tell = tell
        self._verdicts: dict[str, bool | None] = {}

    def __call__(self, candidate: Candidate) -> bool | None:
        """Whether the teacher's answer is right; None where there is none, or it cannot be graded."""
        question = candidate.question
        if question.id not in self._verdicts:
            self._verdicts[question.id] = self._grade(question, candidate.answer)
            if len(self._verdicts) % _TELL_EVERY == 0:
                self._tell(len(self._verdicts))
        return self._verdicts[question.id]

    @property
    def num_graded(self) -> int:
        """How many answers were graded."""
        return len(self._verdicts)

    @staticmethod
    def _grade(question: Question, answer: str | None) -> bool | None:
        return None if answer is None else grade(extract_answer(answer, kind=question.answer_kind), question)
