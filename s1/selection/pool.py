"""Who may be selected: curated questions joined with their difficulty, trace, domain and trace length.

Every question that may not gets a reason code. Knows records; draws nothing (``s1.selection.recipes``).

Example::

    pool = build_pool(material, recipe="s1", count_tokens=counter)
    pool.candidates[0].trace_length, pool.rejections["ab12…"].reason
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from s1.difficulty import Difficulty
from s1.records import DomainLabel, Question, Trace
from s1.tokens import TokenCounter

NO_TRACE = "no_trace"
NO_DOMAIN = "no_domain"

CorrectJudge = Callable[[str, Question], bool | None]
"""Grades an answer text against a question's reference; None when there is none to grade against."""


class _OfQuestion(Protocol):
    @property
    def question_id(self) -> str: ...


RowT = TypeVar("RowT", bound=_OfQuestion)


@dataclass(frozen=True, slots=True)
class Material:
    """What earlier stages found out about the curated questions, by question id."""

    questions: Sequence[Question]
    difficulty: Mapping[str, Difficulty]
    traces: Mapping[str, Trace]
    labels: Mapping[str, DomainLabel]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that may be selected."""

    question: Question
    trace: Trace
    domain: str
    trace_length: int
    """Thinking in tokens of the trained model's tokenizer."""
    correct: bool | None
    """Whether the teacher's answer is right; None when it could not be graded."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a curated question may not be selected."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates in the curated order, and the reasons against all other curated questions."""

    candidates: list[Candidate]
    rejections: dict[str, Rejection]


def index_by_question(rows: Iterable[RowT], *, what: str) -> dict[str, RowT]:
    """Rows by question id.

    Raises:
        ValueError: two rows of one question, where one would silently win.
    """
    found: dict[str, RowT] = {}
    for row in rows:
        if row.question_id in found:
            raise ValueError(f"two {what} for question {row.question_id}; remove them and run their stage again")
        found[row.question_id] = row
    return found


def build_pool(material: Material, *, recipe: str, count_tokens: TokenCounter, judge: CorrectJudge) -> Pool:
    """Join and filter the material.

    The ``s1`` recipe takes hard questions only. The others are the paper's ablations, which leave the difficulty
    filter out (section 5.1): every question with a usable trace may be taken, so what ``distill`` covered decides.
    """
    rejections: dict[str, Rejection] = {}
    accepted: list[tuple[Question, Trace, str]] = []
    for question in material.questions:
        rejection = _find_rejection(question, material, only_hard=recipe == "s1")
        if rejection is None:
            accepted.append((question, material.traces[question.id], material.labels[question.id].domain))
        else:
            rejections[question.id] = rejection
    lengths = count_tokens([trace.thinking for _, trace, _ in accepted])
    candidates = [
        Candidate(question, trace, domain, trace_length=length, correct=judge(trace.answer, question))
        for (question, trace, domain), length in zip(accepted, lengths, strict=True)
    ]
    return Pool(candidates=candidates, rejections=rejections)


def _find_rejection(question: Question, material: Material, *, only_hard: bool) -> Rejection | None:
    difficulty = material.difficulty[question.id]
    trace = material.traces.get(question.id)
    # Easy questions usually have no trace because nobody asked for one: their difficulty is the reason then.
    if not difficulty.is_hard and (only_hard or trace is None):
        return Rejection(difficulty.reason, difficulty.detail)
    if trace is None:
        return Rejection(NO_TRACE, "the teacher was never asked, or its response was lost")
    if trace.state != "answered":
        return Rejection(trace.state, f"teacher {trace.teacher}: the request ended as {trace.state}")
    for name, text in (("thinking", trace.thinking), ("answer", trace.answer)):
        if not text.strip():
            return Rejection("empty", f"teacher {trace.teacher}: the {name} is empty")
    if question.id not in material.labels:
        return Rejection(NO_DOMAIN, "no domain label; set classify.scope to all, or classify again")
    return None
