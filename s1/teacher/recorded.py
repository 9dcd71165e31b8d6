"""Formats of recorded traces: a teacher's thinking and answer as files of real reasoning models have them.

Knows fields and delimiters. A trace ends in a typed state: thinking that was cut at a token limit is ``truncated``,
whatever stands there. Joins nothing (``s1.teacher.replay``).

Example::

    TRACE_FORMATS["marco-o1"].read({"response": "<Thought>6*7</Thought><Output>42</Output>"}).answer        # '42'
"""

from dataclasses import dataclass

from s1.recordings import Join, RecordingFormat, adapted, filled_text, part_of, plain
from s1.records import TraceState
from s1.sources.formats import Layout
from s1.sources.rows import Row, optional_text

_THINK_START, _THINK_END = "<think>", "</think>"
_ASSISTANT = "<｜Assistant｜>"
_END_TOKEN = "<｜end▁of▁sentence｜>"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrace:
    """What a teacher wrote, as it was recorded."""

    teacher: str
    state: TraceState
    thinking: str
    answer: str
    thinking_tokens: int | None = None
    """The teacher's own count; None where the recording has none."""


def _r1_pcmb(row: Row) -> RecordedTrace:
    """Thinking and answer apart; the file holds only responses whose letter was verified."""
    tokens = row.get("reasoning_tokens")
    thinking, answer = filled_text(row, "reasoning"), filled_text(row, "answer_text")
    return RecordedTrace(
        teacher=optional_text(row, ("teacher_model",)) or "deepseek-reasoner",
        state="answered",
        thinking=thinking.strip(),
        answer=answer.strip(),
        thinking_tokens=tokens if isinstance(tokens, int) else None,
    )


def _ollama(row: Row) -> RecordedTrace:
    """``thinking`` and ``content``; ``done_reason`` length: cut at the token limit, wherever that was."""
    thinking = optional_text(row, ("thinking",)).strip()
    answer = optional_text(row, ("content",)).strip()
    teacher = filled_text(row, "model")
    is_cut = optional_text(row, ("done_reason",)) == "length"
    return RecordedTrace(
        teacher=teacher,
        state="truncated" if is_cut else _state_of(thinking, answer),
        thinking=thinking,
        answer=answer,
    )


def _pair(row: Row) -> RecordedTrace:
    """A thinking model's text, whose ``<think>`` stood in the prompt; without its end it was cut while thinking."""
    return _split(filled_text(part_of(row, "model_answers"), "thinking_model"), teacher="thinking model of a pair")


def _legacy(row: Row) -> RecordedTrace:
    """Prompt, thinking and answer in one string with R1's delimiters; about half are cut before ``</think>``."""
    text = filled_text(row, "full_response").rpartition(_ASSISTANT)[2]
    return _split(text.removesuffix(_END_TOKEN), teacher="DeepSeek-R1-Distill-Llama-8B")


def _split(text: str, *, teacher: str) -> RecordedTrace:
    before, end, after = text.partition(_THINK_END)
    thinking = before.strip().removeprefix(_THINK_START).strip()
    if not end:
        return RecordedTrace(teacher=teacher, state="truncated", thinking=thinking, answer="")
    answer = after.strip()
    return RecordedTrace(teacher=teacher, state=_state_of(thinking, answer), thinking=thinking, answer=answer)


def _marco(row: Row) -> RecordedTrace:
    """``<Thought>...</Thought><Output>...</Output>``; without the last end the answer was cut."""
    text = filled_text(row, "response")
    head, thought, rest = text.partition("<Thought>")
    thinking, thought_end, rest = rest.partition("</Thought>")
    between, output, rest = rest.partition("<Output>")
    answer, output_end, _ = rest.partition("</Output>")
    if head.strip() or between.strip() or not thought:
        state: TraceState = "malformed"
    elif not (thought_end and output and output_end):
        state = "truncated"
    else:
        state = _state_of(thinking, answer)
    return RecordedTrace(teacher="Marco-o1", state=state, thinking=thinking.strip(), answer=answer.strip())


def _state_of(thinking: str, answer: str) -> TraceState:
    if not answer.strip():
        return "empty"
    return "answered" if thinking.strip() else "no_thinking"


TRACE_FORMATS: dict[str, RecordingFormat[RecordedTrace]] = {
    "r1-pcmb": RecordingFormat(
        about="R1 PCMB: reasoning, answer_text, reasoning_tokens", read=_r1_pcmb, question=adapted("r1-pcmb")
    ),
    "qwen3-thinking": RecordingFormat(
        about="a thinking study's responses: thinking, content, done_reason; its items are joined",
        read=_ollama,
        join=Join(adapter="qwen3-thinking", key="id", named_by="item_id"),
    ),
    "pairs": RecordingFormat(
        about="pairs of a base and a thinking model: answers of thinking_model",
        read=_pair,
        question=plain("question"),
        layout=Layout(records="tasks"),
    ),
    "legacy-messages": RecordingFormat(
        about="prompt, thinking and answer in one string with R1's delimiters", read=_legacy, question=plain("question")
    ),
    "marco-o1": RecordingFormat(
        about="Marco-o1's demonstrations: Thought and Output in tags", read=_marco, question=plain("instruction")
    ),
}
"""Name -> format, as ``adapter`` in ``distill.teacher.files`` names it."""
