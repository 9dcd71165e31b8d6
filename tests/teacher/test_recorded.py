"""Formats of recorded traces, made-up rows in the real files' shapes, and the teacher that replays them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.config import RecordedTraces, ReplayTeacher
from s1.records import TraceState, question_id
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import RawRow
from s1.sources.result import SourceError
from s1.teacher.building import build_teacher
from s1.teacher.protocol import Teacher
from s1.teacher.recorded import TRACE_FORMATS
from s1.teacher.replay import Replay, load_replay

Row = Mapping[str, JsonValue]
PCMB: dict[str, JsonValue] = {
    "id": "ab12",
    "question": "Which colour has the sky?",
    "options": ["green", "blue"],
    "answer_letter": "B",
    "subject": "physics",
    "reasoning": " Light scatters. ",
    "answer_text": "The answer is (B).",
    "teacher_model": "deepseek-reasoner",
    "reasoning_tokens": 329,
}
ITEMS: Sequence[Row] = [
    {"id": "arith-0", "type": "arith", "prompt": "What is 6*7?", "answer": "42", "accept": [], "grader": "numeric"},
    {"id": "arith-1", "type": "arith", "prompt": "What is 6*8?", "answer": "48", "accept": [], "grader": "numeric"},
]


def ollama(item: str, *, thinking: str = "hm", content: str = "42", done: str = "stop") -> Row:
    return {"item_id": item, "model": "qwen3:8b", "thinking": thinking, "content": content, "done_reason": done}


def pair(question: str, text: str) -> Row:
    return {"question": question, "correct_answer": "#### 5", "model_answers": {"thinking_model": text}}


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def write_lines(path: Path, rows: Sequence[Row]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def replay(files: Sequence[RecordedTraces], wanted: Sequence[str]) -> Replay:
    params = ReplayTeacher(kind="replay", files=list(files))
    return load_replay(params, open_file=Path, wanted=wanted, count_tokens=count_words)


@pytest.mark.parametrize(
    ("adapter", "row", "state", "thinking", "answer"),
    [
        ("r1-pcmb", PCMB, "answered", "Light scatters.", "The answer is (B)."),
        ("qwen3-thinking", ollama("arith-0"), "answered", "hm", "42"),
        ("qwen3-thinking", ollama("arith-0", content="", done="length"), "truncated", "hm", ""),
        ("qwen3-thinking", ollama("arith-0", done="length"), "truncated", "hm", "42"),
        ("qwen3-thinking", ollama("arith-0", content=""), "empty", "hm", ""),
        ("qwen3-thinking", ollama("arith-0", thinking=" "), "no_thinking", "", "42"),
        ("pairs", pair("2+3?", "2 and 3.\n</think>\n\\boxed{5}"), "answered", "2 and 3.", "\\boxed{5}"),
        ("pairs", pair("2+3?", "2 and 3. Wait, 2 and"), "truncated", "2 and 3. Wait, 2 and", ""),
        (
            "legacy-messages",
            {"full_response": "<｜User｜>2+3?<｜Assistant｜><think>\n2, 3.\n</think>\n\n5"},
            "answered",
            "2, 3.",
            "5",
        ),
        ("legacy-messages", {"full_response": "<｜User｜>2+3?<｜Assistant｜><think>\n2, 3"}, "truncated", "2, 3", ""),
        ("marco-o1", {"response": "<Thought>\nok\n</Thought>\n<Output>\nyes\n</Output>"}, "answered", "ok", "yes"),
        ("marco-o1", {"response": "<Thought>\nok\n</Thought>\n<Output>\nyes"}, "truncated", "ok", "yes"),
        ("marco-o1", {"response": "<Thought>ok"}, "truncated", "ok", ""),
        ("marco-o1", {"response": "yes"}, "malformed", "", ""),
    ],
)
def test_a_recorded_response_ends_in_a_typed_state(
    adapter: str, row: Row, state: TraceState, thinking: str, answer: str
) -> None:
    trace = TRACE_FORMATS[adapter].read(row)
    assert (trace.state, trace.thinking, trace.answer) == (state, thinking, answer)


def test_a_trace_joins_the_question_of_its_own_format(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "traces.jsonl", [PCMB])
    wanted = ADAPTERS["r1-pcmb"].question_of(RawRow("x", 1, dict(PCMB)), source="r1-pcmb")
    teacher = replay([RecordedTraces(adapter="r1-pcmb", path=path)], [wanted.id])
    trace = teacher.answer(wanted.question, question_id=wanted.id)
    assert (trace.teacher, trace.state, trace.answer) == ("deepseek-reasoner", "answered", "The answer is (B).")
    assert (trace.usage.thinking_tokens, trace.usage.answer_tokens) == (329, 4)
    assert trace.usage.prompt_tokens == len(wanted.question.split())


def test_rows_that_only_name_their_question_are_joined_with_another_file(tmp_path: Path) -> None:
    items = tmp_path / "items.json"
    items.write_text(json.dumps(ITEMS))
    path = write_lines(tmp_path / "think-on.jsonl", [ollama("arith-1"), ollama("arith-9")])
    wanted = question_id("What is 6*8?")
    file = RecordedTraces(adapter="qwen3-thinking", path=path, join=str(items))
    params = ReplayTeacher(kind="replay", files=[file], max_bad_share=0.5)
    teacher = load_replay(params, open_file=Path, wanted=[wanted], count_tokens=count_words)
    assert teacher.answer("What is 6*8?", question_id=wanted).state == "answered"
    assert [(row.line, row.reason) for row in teacher.readings[0].refusals] == [(2, "unknown_question")]


def test_a_format_that_needs_its_questions_says_so(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "think-on.jsonl", [ollama("arith-1")])
    with pytest.raises(SourceError, match="give the file that holds these as `join`"):
        replay([RecordedTraces(adapter="qwen3-thinking", path=path)], [])


def test_a_question_without_a_recording_is_no_failure_and_costs_nothing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "traces.jsonl", [PCMB])
    teacher = replay([RecordedTraces(adapter="r1-pcmb", path=path)], ["other"])
    trace = teacher.answer("Another?", question_id="other")
    assert (trace.state, trace.thinking, trace.answer) == ("not_recorded", "", "")
    assert trace.usage.model_dump() == {"prompt_tokens": 0, "thinking_tokens": 0, "answer_tokens": 0}


def test_of_two_traces_the_first_that_ended_well_counts(tmp_path: Path) -> None:
    texts = {"a.json": "one", "b.json": "two</think>5", "c.json": "three</think>5"}
    for name, text in texts.items():
        (tmp_path / name).write_text(json.dumps({"tasks": [pair("2+3?", text)]}))
    wanted = question_id("2+3?")
    files = [RecordedTraces(adapter="pairs", path=str(tmp_path / name)) for name in texts]
    teacher = replay(files, [wanted])
    assert teacher.answer("2+3?", question_id=wanted).thinking == "two"
    assert [(reading.num_used, reading.num_repeated) for reading in teacher.readings] == [(1, 0), (1, 0), (0, 1)]
    only_cut = replay(files[:1], [wanted])
    assert only_cut.answer("2+3?", question_id=wanted).state == "truncated"


def test_a_file_that_does_not_say_whose_traces_it_holds_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"tasks": [pair("2+3?", "hm</think>5")]}))
    wanted = question_id("2+3?")
    file = RecordedTraces(adapter="pairs", path=str(tmp_path / "a.json"), teacher="QwQ-32B")
    assert replay([file], [wanted]).answer("2+3?", question_id=wanted).teacher == "QwQ-32B"


def test_recordings_of_questions_that_are_not_curated_never_leave_the_file(tmp_path: Path) -> None:
    path = tmp_path / "math500.json"
    path.write_text(json.dumps({"tasks": [pair("A benchmark's?", "hm</think>5"), pair("2+3?", "hm</think>5")]}))
    wanted = question_id("2+3?")
    teacher = replay([RecordedTraces(adapter="pairs", path=str(path))], [wanted])
    assert list(teacher.traces) == [wanted]
    assert teacher.readings[0].num_other == 1


def test_other_recordings_have_another_identity(tmp_path: Path) -> None:
    wanted = question_id("2+3?")
    teachers: list[Teacher] = []
    for name, text in (("a.json", "hm</think>5"), ("b.json", "hm</think>5"), ("c.json", "oh</think>5")):
        (tmp_path / name).write_text(json.dumps({"tasks": [pair("2+3?", text)]}))
        params = ReplayTeacher(kind="replay", files=[RecordedTraces(adapter="pairs", path=str(tmp_path / name))])
        teachers.append(build_teacher(params, count_tokens=count_words, seed=0, wanted=[wanted], open_file=Path))
    one, same, other = (teacher.identity for teacher in teachers)
    assert one == same != other
    assert not any(teacher.is_paid for teacher in teachers)


def test_an_unknown_adapter_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no adapter here is called 'gpt'; there are .*'r1-pcmb'"):
        replay([RecordedTraces(adapter="gpt", path=str(tmp_path))], [])
