"""The archive of paid responses: nothing that was kept is lost, or asked for again."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.records import Trace, TraceState, Usage
from s1.teacher.archive import Archive, ArchivedTeacher, Request, Response

USAGE = Usage(prompt_tokens=1, thinking_tokens=2, answer_tokens=3)


class PaidTeacher:
    """Answers at once and counts how often it was asked, over processes, in a file."""

    name = "fake"
    is_paid = True

    def __init__(
        self, calls: Path, *, temperature: float = 1.0, state: TraceState = "answered", pause: float = 0
    ) -> None:
        self._calls = calls
        self._temperature = temperature
        self._state: TraceState = state
        self._pause = pause

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        return {"model": "fake-1", "temperature": self._temperature}

    def answer(self, text: str, *, question_id: str) -> Trace:
        with self._calls.open("a") as file:
            file.write(text + "\n")
        time.sleep(self._pause)
        return Trace(
            question_id=question_id, teacher=self.name, state=self._state, thinking="hm", answer=text, usage=USAGE
        )


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.txt"
    path.touch()
    return path


def asked(calls: Path) -> list[str]:
    return calls.read_text().splitlines()


def make_response(prompt: str) -> Response:
    request = Request(teacher={"model": "fake-1"}, prompt=prompt)
    return Response(
        key=request.key,
        request=request,
        received_at="2025-01-31T12:00:00Z",
        state="answered",
        thinking="hm",
        answer=prompt,
        usage=USAGE,
    )


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_what_was_answered_once_is_read_by_every_later_process(tmp_path: Path, calls: Path) -> None:
    first = ArchivedTeacher(PaidTeacher(calls), Archive(tmp_path / "archive"))
    traces = [first.answer(text, question_id=f"id-{text}") for text in ("a", "b")]
    later = ArchivedTeacher(PaidTeacher(calls), Archive(tmp_path / "archive"))
    assert [later.answer(text, question_id=f"id-{text}") for text in ("a", "b")] == traces
    assert asked(calls) == ["a", "b"]
    assert (first.num_asked, first.num_found, later.num_asked, later.num_found) == (2, 0, 0, 2)


def test_other_generation_parameters_never_get_an_old_answer(tmp_path: Path, calls: Path) -> None:
    archive = Archive(tmp_path / "archive")
    for temperature in (0.0, 1.0, 0.0):
        ArchivedTeacher(PaidTeacher(calls, temperature=temperature), archive).answer("a", question_id="q")
    assert asked(calls) == ["a", "a"]


def test_each_sample_of_a_question_has_its_own_key_and_the_order_of_parameters_does_not_matter() -> None:
    request = Request(teacher={"model": "m", "top_p": 1.0}, prompt="a")
    assert request.key == Request(teacher={"top_p": 1.0, "model": "m"}, prompt="a").key
    assert len({request.key, Request(teacher=request.teacher, prompt="a", sample=1).key}) == 2


def test_a_request_without_a_response_is_asked_again(tmp_path: Path, calls: Path) -> None:
    archive = Archive(tmp_path / "archive")
    for _ in range(2):
        ArchivedTeacher(PaidTeacher(calls, state="given_up"), archive).answer("a", question_id="q")
    ArchivedTeacher(PaidTeacher(calls, state="refused"), archive).answer("a", question_id="q")
    ArchivedTeacher(PaidTeacher(calls, state="refused"), archive).answer("a", question_id="q")
    assert asked(calls) == ["a", "a", "a"]


def test_a_line_cut_short_at_any_byte_costs_that_response_and_no_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for prompt in ("one", "two"):
        archive.append(make_response(prompt))
    (file,) = files_of(tmp_path)
    whole = file.read_bytes()
    start = whole.index(b"\n") + 1
    for length in range(start + 1, len(whole) - 1):
        file.write_bytes(whole[:length])
        damaged = Archive(tmp_path)
        assert (damaged.count(), damaged.count_damaged()) == (1, 1)
        assert damaged.find(make_response("two").request) is None
    file.write_bytes(whole[:-1])  # only the line's end is missing
    assert Archive(tmp_path).count() == 2


def test_a_cut_line_stays_one_when_the_archive_goes_on(tmp_path: Path) -> None:
    Archive(tmp_path).append(make_response("one"))
    (file,) = files_of(tmp_path)
    file.write_bytes(file.read_bytes()[:40])
    archive = Archive(tmp_path)
    archive.append(make_response("one"))
    archive.append(make_response("two"))
    again = Archive(tmp_path)
    assert (again.count(), again.count_damaged()) == (2, 1)


def test_after_a_full_disk_the_next_response_starts_on_a_fresh_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    archive.append(make_response("one"))
    write = os.write
    left = [25]

    def short_write(descriptor: int, data: bytes) -> int:
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        left[0] = 0
        return write(descriptor, data[:25])

    monkeypatch.setattr(os, "write", short_write)
    with pytest.raises(OSError, match="No space left"):
        archive.append(make_response("two"))
    monkeypatch.setattr(os, "write", write)
    archive.append(make_response("three"))
    again = Archive(tmp_path)
    assert [again.find(make_response(name).request) is not None for name in ("one", "two", "three")] == [
        True,
        False,
        True,
    ]
    assert again.count_damaged() == 1


def test_a_line_whose_request_was_changed_is_no_answer(tmp_path: Path) -> None:
    Archive(tmp_path).append(make_response("one"))
    (file,) = files_of(tmp_path)
    file.write_bytes(file.read_bytes().replace(b'"prompt":"one"', b'"prompt":"two"'))
    archive = Archive(tmp_path)
    assert archive.find(make_response("two").request) is None
    assert archive.count_damaged() == 1


def test_fields_of_a_later_version_are_read_past(tmp_path: Path) -> None:
    line = {**make_response("one").model_dump(mode="json"), "price_usd": 0.1}
    (tmp_path / "other.jsonl").write_text(json.dumps(line) + "\n")
    assert Archive(tmp_path).find(make_response("one").request) == make_response("one")


def test_archives_of_two_machines_merge_by_copying_files(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        Archive(tmp_path / str(number)).append(make_response(name))
    (file,) = files_of(tmp_path / "1")
    file.rename(tmp_path / "0" / file.name)
    assert Archive(tmp_path / "0").count() == 2


def test_an_archive_that_is_open_sees_what_others_append(tmp_path: Path) -> None:
    reader, writer = Archive(tmp_path), Archive(tmp_path)
    assert reader.find(make_response("one").request) is None
    writer.append(make_response("one"))
    assert reader.find(make_response("one").request) == make_response("one")


def test_a_reader_never_makes_the_folder(tmp_path: Path) -> None:
    assert Archive(tmp_path / "none").find(make_response("one").request) is None
    assert not (tmp_path / "none").exists()


def _answer_all(folder: Path, calls: Path, texts: list[str]) -> None:
    teacher = ArchivedTeacher(PaidTeacher(calls, pause=0.01), Archive(folder))
    for text in texts:
        assert teacher.answer(text, question_id=text).answer == text


def test_processes_side_by_side_ask_each_question_once(tmp_path: Path, calls: Path) -> None:
    texts = [f"question {number}" for number in range(30)]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_answer_all, args=(tmp_path / "archive", calls, texts)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(asked(calls)) == sorted(texts)
    assert Archive(tmp_path / "archive").count() == 30


def test_a_killed_process_costs_the_one_request_in_flight(tmp_path: Path, calls: Path) -> None:
    texts = [f"question {number}" for number in range(200)]
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_answer_all, args=(tmp_path / "archive", calls, texts))
    worker.start()
    deadline = time.monotonic() + 60
    while len(asked(calls)) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(60)
    before = len(asked(calls))
    assert 20 <= before < 200
    _answer_all(tmp_path / "archive", calls, texts)
    assert len(asked(calls)) <= 200 + 1
    assert sorted(set(asked(calls))) == sorted(texts)
