"""Who may be selected: curated questions joined with their difficulty, trace, domain and trace length.

Every question that may not gets a reason code and the stage that gave it. Knows records; draws nothing
(``s1.selection.recipes``) and keeps no thinking in memory: of a trace only what selecting needs.

Example::

    material = Material(questions, difficulty, weigh_traces(traces, count_tokens=counter), labels)
    pool = build_pool(material, Entry.of("s1"))
    pool.candidates[0].trace_length, pool.rejections["ab12…"].reason
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, Self, TypeVar

from s1.decisions import Decision
from s1.records import DomainLabel, Question, Trace, TraceState
from s1.tokens import TokenCounter

NO_TRACE = "no_trace"
NO_DOMAIN = "no_domain"
NO_DOMAIN_LABEL = "unknown"
"""Domain of a candidate without a label, where the recipe does not draw by domain."""
_TRACES_AT_ONCE = 256
"""Traces whose text is in memory while their tokens are counted."""


class _OfQuestion(Protocol):
    @property
    def question_id(self) -> str: ...


RowT = TypeVar("RowT", bound=_OfQuestion)
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """What selecting needs to know of a trace; its thinking stays on disk."""

    teacher: str
    state: TraceState
    answer: str
    has_thinking: bool
    length: int
    """Thinking in tokens of the trained model's tokenizer; 0 where nobody asked for the length."""


@dataclass(frozen=True, slots=True)
class Material:
    """What earlier stages found out about the curated questions, by question id."""

    questions: Sequence[Question]
    difficulty: Mapping[str, Decision]
    """``kept`` says whether the question counts as hard."""
    traces: Mapping[str, TraceFacts]
    labels: Mapping[str, DomainLabel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a question needs to be a candidate."""

    only_hard: bool
    needs_trace: bool
    needs_domain: bool

    @classmethod
    def of(cls, recipe: str, *, only_hard: bool | None = None, needs_trace: bool = True) -> Self:
        """What a recipe asks for, where it is not told otherwise.

        The ``s1`` recipe takes hard questions only. The others are the paper's ablations, which leave the difficulty
        filter out (section 5.1): every question with a usable trace may be taken, so what ``distill`` covered decides.
        A domain is needed by those that draw by domain.
        """
        return cls(
            only_hard=recipe == "s1" if only_hard is None else only_hard,
            needs_trace=needs_trace,
            needs_domain=recipe in ("s1", "diverse"),
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that may be selected."""

    question: Question
    domain: str
    trace_length: int
    """Thinking in tokens of the trained model's tokenizer; 0 without a trace."""
    answer: str | None
    """The teacher's answer; None without a trace."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a curated question may not be selected."""

    stage: str
    """The stage whose result is the reason: ``attempt``, ``distill`` or ``classify``."""
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
        _refuse_double(row.question_id, found, what=what)
        found[row.question_id] = row
    return found


def _refuse_double(question_id: str, found: Mapping[str, object], *, what: str) -> None:
    if question_id in found:
        raise ValueError(f"two {what} for question {question_id}; remove them and run their stage again")


def weigh_traces(
    traces: Iterable[Trace], *, count_tokens: TokenCounter, is_wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, TraceFacts]:
    """The facts of traces by question id, from a stream: a few hundred texts are in memory at a time.

    Args:
        is_wanted: whether the length of a question's trace will be needed; counting tokens is what takes time.

    Raises:
        ValueError: two traces of one question.
    """
    facts: dict[str, TraceFacts] = {}
    for batch in _batches(traces, _TRACES_AT_ONCE):
        counted = [trace for trace in batch if trace.state == "answered" and is_wanted(trace.question_id)]
        lengths = dict(
            zip(
                (trace.question_id for trace in counted),
                count_tokens([trace.thinking for trace in counted]),
                strict=True,
            )
        )
        for trace in batch:
            _refuse_double(trace.question_id, facts, what="traces")
            facts[trace.question_id] = TraceFacts(
                teacher=trace.teacher,
                state=trace.state,
                answer=trace.answer,
                has_thinking=bool(trace.thinking.strip()),
                length=lengths.get(trace.question_id, 0),
            )
    return facts


def _batches(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def build_pool(material: Material, entry: Entry) -> Pool:
    """Join and filter the material."""
    rejections: dict[str, Rejection] = {}
    candidates: list[Candidate] = []
    for question in material.questions:
        rejection = _find_rejection(question, material, entry)
        if rejection is None:
            candidates.append(_candidate(question, material))
        else:
            rejections[question.id] = rejection
    return Pool(candidates=candidates, rejections=rejections)


def _candidate(question: Question, material: Material) -> Candidate:
    trace = material.traces.get(question.id)
    usable = trace if trace is not None and _trace_fault(trace) is None else None
    label = material.labels.get(question.id)
    return Candidate(
        question,
        domain=NO_DOMAIN_LABEL if label is None else label.domain,
        trace_length=0 if usable is None else usable.length,
        answer=None if usable is None else usable.answer,
    )


def _find_rejection(question: Question, material: Material, entry: Entry) -> Rejection | None:
    difficulty = material.difficulty[question.id]
    trace = material.traces.get(question.id)
    # Easy questions usually have no trace because nobody asked for one: their difficulty is the reason then.
    if not difficulty.kept and (entry.only_hard or (entry.needs_trace and trace is None)):
        return Rejection("attempt", difficulty.reason, difficulty.detail)
    if entry.needs_trace:
        if trace is None:
            return Rejection("distill", NO_TRACE, "the teacher was never asked, or its response was lost")
        fault = _trace_fault(trace)
        if fault is not None:
            return fault
    if entry.needs_domain and question.id not in material.labels:
        return Rejection(
            "classify", NO_DOMAIN, "no domain label; set classify.scope to all, or run the stage `classify` again"
        )
    return None


def _trace_fault(trace: TraceFacts) -> Rejection | None:
    """Why nobody could be trained on a trace."""
    if trace.state == "not_recorded":
        return Rejection("distill", trace.state, f"teacher {trace.teacher}: no trace of this question was recorded")
    if trace.state != "answered":
        return Rejection("distill", trace.state, f"teacher {trace.teacher}: the request ended as {trace.state}")
    for name, is_there in (("thinking", trace.has_thinking), ("answer", bool(trace.answer.strip()))):
        if not is_there:
            return Rejection("distill", "empty", f"teacher {trace.teacher}: the {name} is empty")
    return None
