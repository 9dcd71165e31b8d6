"""Formats of recorded attempts: the question that each is on, the response, and what its recorder made of it.

Knows fields of files; the question's text is made by the adapter of its own file. Grades nothing: the recorder's
verdict and answer are kept for comparison only, and never count (``bench.attempts`` compares).

Example::

    ATTEMPT_FORMATS["jeebench"].read(row).text          # 'We know that the stopping potential $V_0$ is ...'
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import JsonValue

from s1.recordings import RecordingFormat, adapted, part_of, plain
from s1.records import GenerationState
from s1.sources.formats import Layout
from s1.sources.rows import BadRowError, Row, as_text, optional_text, required_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """What a model wrote, as it was recorded."""

    text: str
    state: GenerationState = "answered"
    """``engine_error`` where the recording says that no response was received."""
    num_tokens: int | None = None
    """None where the recording does not say."""
    answer: str | None = None
    """What the recorder read out of it; None where that is not recorded, or nothing was found."""
    verdict: bool | None = None
    """Whether the recorder held it for right; None where that is not recorded."""


def _response(text: str, *, answer: str | None = None, verdict: bool | None = None) -> RecordedResponse:
    """An empty response is none: the server refused or failed, which says nothing about the question."""
    return RecordedResponse(
        text=text, state="answered" if text.strip() else "engine_error", answer=answer or None, verdict=verdict
    )


def _mmlu_pro(row: Row) -> RecordedResponse:
    """One response (``generated_text``; ``model_outputs`` of Gemini) and the letter that the recorder's script took."""
    for name in ("generated_text", "model_outputs"):
        if name in row:
            return _response(as_text(row[name], name), answer=optional_text(row, ("pred",)).strip())
    raise BadRowError("missing_field", f"no field 'generated_text' or 'model_outputs'; the row has {sorted(row)[:12]}")


def _jeebench(row: Row) -> RecordedResponse:
    """A whole API object under ``<model>_response``; the answers were read out by people."""
    name = next((key for key in row if key.endswith("_response")), None)
    if name is None:
        raise BadRowError("missing_field", f"no field that ends in '_response'; the row has {sorted(row)[:12]}")
    reply = part_of(row, name)
    choice = _first_choice(reply, name)
    usage = reply.get("usage")
    num_tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    text = optional_text(part_of(choice, "message"), ("content",))
    extracted = optional_text(row, ("extract",)).strip()
    state: GenerationState = "answered" if text.strip() else "engine_error"
    return RecordedResponse(
        text=text,
        state="cut_at_length" if choice.get("finish_reason") == "length" else state,
        num_tokens=num_tokens if isinstance(num_tokens, int) else None,
        answer=None if extracted in ("", "None") else extracted,
    )


def _first_choice(reply: Row, name: str) -> dict[str, JsonValue]:
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise BadRowError("wrong_type", f"field {name!r} holds no choices, so it is no chat completion")
    return choice


def _theoremqa(row: Row) -> RecordedResponse:
    return _response(required_text(row, ("solution",)), answer=optional_text(row, ("pred",)).strip())


def _math_cot(row: Row) -> RecordedResponse:
    """Of several samples (``code``) with verdicts (``score``) the first counts."""
    samples, verdicts = row.get("code"), row.get("score")
    if not isinstance(samples, list) or not samples or not isinstance(samples[0], str):
        raise BadRowError("wrong_type", "field 'code' is no list of responses")
    verdict = verdicts[0] if isinstance(verdicts, list) and verdicts else None
    return _response(samples[0], verdict=verdict if isinstance(verdict, bool) else None)


def _pair(model: str) -> Callable[[Row], RecordedResponse]:
    """One of the models of a file of pairs; a thinking model's response without ``</think>`` was cut while thinking."""

    def read(row: Row) -> RecordedResponse:
        response = _response(required_text(part_of(row, "model_answers"), (model,)))
        is_cut = model == "thinking_model" and "</think>" not in response.text
        return replace(response, state="cut_at_length") if is_cut and response.state == "answered" else response

    return read


def _pairs(model: str) -> RecordingFormat[RecordedResponse]:
    return RecordingFormat(
        about=f"pairs of a base and a thinking model: answers of {model}",
        read=_pair(model),
        question=plain("question"),
        layout=Layout(records="tasks"),
    )


ATTEMPT_FORMATS: dict[str, RecordingFormat[RecordedResponse]] = {
    "mmlu-pro": RecordingFormat(
        about="MMLU-Pro's evaluation results: generated_text or model_outputs, pred",
        read=_mmlu_pro,
        question=adapted("mmlu-pro"),
    ),
    "jeebench": RecordingFormat(
        about="JEEBench's responses: whole API objects, extract", read=_jeebench, question=adapted("jeebench")
    ),
    "theoremqa": RecordingFormat(
        about="TheoremQA's outputs: solution, pred", read=_theoremqa, question=plain("question")
    ),
    "math-cot": RecordingFormat(
        about="several solutions of each question with verdicts: code, score",
        read=_math_cot,
        question=plain("question"),
    ),
    "pairs-base": _pairs("base_model"),
    "pairs-thinking": _pairs("thinking_model"),
    "pairs-hybrid": _pairs("hybrid_model"),
}
"""Name -> format, as ``adapter`` in ``attempt.engine`` names it."""
