"""One definition for every kind of row that stages exchange.

Knows names, types and meanings of fields; does not know how rows are stored (``s1.artifacts``) or made (the stage
modules). Every record is frozen and refuses unknown fields, so a file of another version fails loudly at its line.

Example::

    question = Question.create(question="a+3 b-2 start 4 result ?", solution="5", source="procedural")
    question.id                     # '1f0c…', the same for the same text in every file
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

AnswerKind = Literal["expression", "choice", "number", "prose"]
"""How an answer is compared: symbolically, as letters, as a number with tolerance and unit, or by a judge."""

Phase = Literal["thinking", "answer"]
"""What a part of a generation belongs to."""

ThinkingEnd = Literal["none", "natural", "budget", "loop"]
"""Why thinking stopped: there was none (direct answer), the model ended it, the budget did, or it went in circles."""

GenerationState = Literal["answered", "cut_at_length", "cut_at_context", "looped", "engine_error"]
"""How a generation ended: the answer ended by itself, its own limit was used up, the context cannot hold prompt and
budget, the thinking repeated itself, or the engine failed. Only what was answered is ever graded."""

Verdict = Literal["right", "wrong", "no_answer", "cut_at_length", "cut_at_context", "looped", "engine_error"]
"""What a generation is worth: right, wrong, answered without an answer in it, or the state that is no answer."""

ENDS = ("answered", "no_answer", "cut_at_length", "cut_at_context", "looped", "engine_error")
"""How generations end, in the order in which they are shown: with a gradable answer, with an answer phase without one,
or in a state that is no answer."""

TUNED = "tuned"
BASE = "base"
"""The two models that are measured: the fine-tuned one, and the one that it was made of."""

GenerationKey = tuple[str, str, str, str, int]
"""Benchmark, question id, model, setting, sample: names one generation."""

TraceState = Literal[
    "answered", "no_thinking", "truncated", "refused", "empty", "malformed", "given_up", "not_recorded"
]
"""How one request to a teacher ended; ``not_recorded``: a replayed teacher was never asked this."""


LabelState = Literal["classified", "unsure", "no_words", "no_code", "truncated", "empty"]
"""How the search for a question's domain ended: found; too uncertain; no word that the classifier knows; a reply that
names no domain, was cut, or is empty."""


class Record(BaseModel):
    """Base of every row: immutable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def normalize_text(text: str) -> str:
    """Lower-case and collapse white space: the normalisation of the reference's decontamination (punctuation stays)."""
    return " ".join(text.lower().split())


def question_id(text: str) -> str:
    """Stable id of a question: the first 16 hex digits of the SHA-256 of its normalised text."""
    return hashlib.sha256(normalize_text(text).encode()).hexdigest()[:16]


class Question(Record):
    """A question with its reference solution; a benchmark item is a question whose ``source`` is the benchmark."""

    id: str
    """Content hash, see ``question_id``; equal texts share it across files."""
    question: str
    solution: str
    """Reference solution or answer as the source gives it; empty when the source has none."""
    answer: str | None = None
    """Short final answer where the source states one."""
    answer_kind: AnswerKind = "expression"
    source: str
    metadata: dict[str, JsonValue] = {}

    @classmethod
    def create(
        cls,
        *,
        question: str,
        solution: str,
        source: str,
        answer: str | None = None,
        answer_kind: AnswerKind = "expression",
        metadata: dict[str, JsonValue] | None = None,
    ) -> "Question":
        """Build a question and derive its id from the text."""
        return cls(
            id=question_id(question),
            question=question,
            solution=solution,
            answer=answer,
            answer_kind=answer_kind,
            source=source,
            metadata=metadata or {},
        )


class HashedItem(Record):
    """One benchmark question whose text may not be shown, as hashes of its word n-grams."""

    benchmark: str
    item_id: str
    num_words: int
    ngrams: list[str]
    """First 32 hex digits of the SHA-256 of each run of 8 words (lower case, single spaces), in order."""


class Attempt(Record):
    """One model's direct answer to one question, graded (difficulty filter, paper section 2.2)."""

    question_id: str
    model: str
    """Key in ``base.models``, for example ``small`` or ``large``."""
    response: str
    answer: str | None
    """Extracted final answer; None when none was found."""
    correct: bool | None
    """None when it could not be graded: no reference, prose without a judge, or no answer was given at all."""
    state: GenerationState
    num_tokens: int | None
    """Length of the response; None where a recording does not say."""
    by: str = ""
    """Whose recorded response it is; empty for one that was made here."""


class Usage(Record):
    """Tokens that one teacher request consumed, as the server reports them."""

    prompt_tokens: int
    thinking_tokens: int
    answer_tokens: int


class Trace(Record):
    """A teacher's thinking and answer for one question."""

    question_id: str
    teacher: str
    state: TraceState
    thinking: str
    answer: str
    usage: Usage


class DomainLabel(Record):
    """The subject of one question, as found from its text."""

    question_id: str
    domain: str
    """Such as ``51 Geometry``; ``unknown`` in every state but ``classified``."""
    classifier: str
    """Its name, with its version or model."""
    confidence: float | None = None
    """How likely the domain is right, from 0 to 1; None where the classifier does not tell."""
    state: LabelState = "classified"
    detail: str = ""
    """Why there is no domain: the likeliest one, or the reply that names none."""


class SelectedQuestion(Record):
    """One of the 1,000: question, trace and why it was taken."""

    question_id: str
    question: str
    source: str
    domain: str
    thinking: str
    answer: str
    reason: str
    """``prepick`` or ``diversity`` for the s1 recipe, else the name of the recipe."""
    trace_length: int
    """Thinking length in tokens of the trained model's tokenizer."""


class Example(Record):
    """One training sequence. ``loss_mask[i]`` is 1 where token i is a target (thinking, answer; not the question)."""

    question_id: str
    input_ids: list[int]
    loss_mask: list[int]

    @property
    def num_targets(self) -> int:
        """Number of tokens that carry loss."""
        return sum(self.loss_mask)


class Segment(Record):
    """A run of tokens of one origin: sampled by the model, or forced by us."""

    text: str
    token_ids: list[int]
    forced: bool
    phase: Phase


class OfGeneration(Record):
    """Which generation a row is, or is about."""

    benchmark: str
    question_id: str
    model: str
    """``tuned`` or ``base``."""
    setting: str
    """Name of the forcing setting, for example ``max-64``, ``wait-2``, ``direct``."""
    sample: int

    @property
    def key(self) -> GenerationKey:
        """The same for a generation and all that is said about it."""
        return (self.benchmark, self.question_id, self.model, self.setting, self.sample)


class Generation(OfGeneration):
    """One answer of one model to one benchmark question under one forcing setting."""

    segments: list[Segment]
    thinking_end: ThinkingEnd
    num_waits: int
    """How many Waits were really appended."""
    state: GenerationState
    num_thinking_tokens: int
    """Tokens of the thinking phase, forced ones (Wait) included, delimiters not."""
    num_sampled_tokens: int
    """Tokens the model decoded, both phases."""

    @property
    def answer_text(self) -> str:
        """Text of the answer phase, forced words such as ``Final Answer:`` included."""
        return "".join(segment.text for segment in self.segments if segment.phase == "answer")

    @property
    def thinking_text(self) -> str:
        """Text of the thinking phase."""
        return "".join(segment.text for segment in self.segments if segment.phase == "thinking")


class Score(OfGeneration):
    """The verdict on one generation."""

    answer: str | None
    """Extracted answer; None when none was found."""
    reference: str
    correct: bool
    verdict: Verdict
    """All but ``right`` count as wrong in accuracy; those without an answer are reported apart."""
    num_thinking_tokens: int
    num_sampled_tokens: int
    """Tokens the model decoded, both phases."""
    num_waits: int
    """How many ends of thinking were really suppressed."""
    thinking_end: ThinkingEnd


class JudgeNote(OfGeneration):
    """One answer on which the symbolic grader and the judge differ, or the judge is unclear."""

    answer: str | None
    """What the symbolic grader extracted."""
    reference: str
    symbolic: bool | None
    """Its verdict; None where it cannot tell (prose)."""
    judge: bool | None
    """The judge's; None where its reply does not end in Yes or No, or was cut."""
    reply: str
