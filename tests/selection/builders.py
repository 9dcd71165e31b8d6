"""Small questions, traces and candidates for the tests of selection."""

from collections.abc import Sequence

from s1.config import SelectParams
from s1.decisions import Decision
from s1.records import Attempt, DomainLabel, Question, Trace, TraceState, Usage
from s1.selection.pool import Candidate, TraceFacts, weigh_traces

S1 = SelectParams(
    recipe="s1", num_examples=10, num_uniform=10, prepick_sources=[], prepick_long_sources={}, weight_sources={}
)


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def make_question(text: str, *, source: str = "book", answer: str = "1") -> Question:
    return Question.create(question=text, solution=answer, answer=answer, source=source)


def make_attempt(question: Question, *, model: str, correct: bool | None) -> Attempt:
    return Attempt(
        question_id=question.id, model=model, response="", answer="7", correct=correct, state="answered", num_tokens=1
    )


def make_trace(
    question: Question, *, thinking: str = "hm", answer: str = "Answer: 1", state: TraceState = "answered"
) -> Trace:
    usage = Usage(prompt_tokens=1, thinking_tokens=1, answer_tokens=1)
    return Trace(question_id=question.id, teacher="fake", state=state, thinking=thinking, answer=answer, usage=usage)


def make_candidate(
    text: str, *, domain: str = "d", length: int = 1, source: str = "book", correct: bool | None = True
) -> Candidate:
    """A candidate whose answer says what ``judge`` thinks of it."""
    return Candidate(make_question(text, source=source), domain, trace_length=length, answer=str(correct))


def judge(candidate: Candidate) -> bool | None:
    """The verdict that ``make_candidate`` was given."""
    return {"True": True, "False": False}.get(str(candidate.answer))


def make_difficulty(question: Question, *, reason: str = "hard", kept: bool | None = None) -> Decision:
    is_kept = reason == "hard" if kept is None else kept
    return Decision(question_id=question.id, source=question.source, kept=is_kept, reason=reason, detail="why")


def make_label(question: Question, domain: str = "sums") -> DomainLabel:
    return DomainLabel(question_id=question.id, domain=domain, classifier="fake")


def facts_of(*traces: Trace) -> dict[str, TraceFacts]:
    return weigh_traces(traces, count_tokens=count_words)
