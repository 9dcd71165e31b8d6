"""A teacher that nobody asks: it answers with what was recorded earlier, and says so where nothing was.

Knows recordings (``s1.teacher.recorded``) and which questions they are about; no network, no price. A question without
a recording gets the state ``not_recorded``, which is no failure.

Example::

    teacher = load_replay(params, open_file=files.path, wanted=ids, count_tokens=counter)
    teacher.answer(question.question, question_id=question.id).state      # 'answered', 'truncated' or 'not_recorded'
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from s1.config import RecordedTraces, ReplayTeacher
from s1.recordings import RecordingReading, find_format, read_recordings
from s1.records import Trace, Usage
from s1.teacher.recorded import TRACE_FORMATS, RecordedTrace
from s1.tokens import TokenCounter

OpenFile = Callable[[str], Path]
"""Where a file that the parameters name lies."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Recorded traces by question id, as a teacher (``s1.teacher.protocol``)."""

    traces: Mapping[str, RecordedTrace]
    readings: Sequence[RecordingReading]
    count_tokens: TokenCounter
    name: str = "replay"
    is_paid: bool = False

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        """A hash of all traces: other recordings never take up half-finished work of these."""
        digest = hashlib.sha256()
        for question_id, trace in sorted(self.traces.items()):
            digest.update(repr((question_id, trace)).encode("utf-8", "surrogatepass"))
        return {"name": self.name, "traces": digest.hexdigest()}

    def answer(self, text: str, *, question_id: str) -> Trace:
        """The recorded trace; state ``not_recorded`` where there is none.

        Its usage is the recording's own count of thinking, else counted by the tokenizer.
        """
        found = self.traces.get(question_id)
        if found is None:
            usage = Usage(prompt_tokens=0, thinking_tokens=0, answer_tokens=0)
            return Trace(
                question_id=question_id,
                teacher=self.name,
                state="not_recorded",
                thinking="",
                answer="",
                usage=usage,
            )
        prompt, thinking, answer = self.count_tokens([text, found.thinking, found.answer])
        counted = found.thinking_tokens if found.thinking_tokens is not None else thinking
        return Trace(
            question_id=question_id,
            teacher=found.teacher,
            state=found.state,
            thinking=found.thinking,
            answer=found.answer,
            usage=Usage(prompt_tokens=prompt, thinking_tokens=counted, answer_tokens=answer),
        )


def load_replay(
    params: ReplayTeacher, *, open_file: OpenFile, wanted: Collection[str], count_tokens: TokenCounter
) -> Replay:
    """Read the recordings of the wanted questions; all others are counted and left.

    Of two traces for a question the first that ended well counts, else the first.

    Args:
        wanted: ids of the questions that the teacher will be asked about: curated ones, so never a benchmark's.

    Raises:
        SourceError: a file is missing, not the declared one, in no format that the project knows, or mostly unreadable.
    """
    wanted = set(wanted)
    traces: dict[str, RecordedTrace] = {}
    readings: list[RecordingReading] = []
    for file in params.files:
        reading = _read_file(file, traces, open_file=open_file, wanted=wanted)
        reading.check(max_bad_share=params.max_bad_share)
        readings.append(reading)
    return Replay(traces=traces, readings=readings, count_tokens=count_tokens)


def _read_file(
    file: RecordedTraces, traces: dict[str, RecordedTrace], *, open_file: OpenFile, wanted: Collection[str]
) -> RecordingReading:
    reading = RecordingReading(file=file.path)
    join_path = open_file(file.join) if file.join is not None else None
    recording = find_format(TRACE_FORMATS, file.adapter, key="distill.teacher", path=file.path)
    recordings = read_recordings(open_file(file.path), recording, reading=reading, join_path=join_path)
    for question_id, trace in recordings:
        former = traces.get(question_id)
        if question_id not in wanted:
            reading.num_other += 1
        elif former is not None and (former.state == "answered" or trace.state != "answered"):
            reading.num_repeated += 1
        else:
            traces[question_id] = trace if file.teacher is None else replace(trace, teacher=file.teacher)
            reading.num_used += 1
    return reading
