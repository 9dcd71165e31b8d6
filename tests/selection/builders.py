"""Small questions, traces and candidates for the tests of selection."""

from collections.abc import Sequence

from s1.config import SelectParams
from s1.records import Attempt, Question, Trace, TraceState, Usage
from s1.selection.pool import Candidate

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
    question = make_question(text, source=source)
    return Candidate(question, make_trace(question), domain, trace_length=length, correct=correct)
