"""Recorded attempts on the curated questions, graded as if they had been decoded now.

Knows the recordings that ``attempt.engine`` names and how they join the questions; formats are in
``s1.attempts.recorded``.

Example::

    recorded = read_recorded_attempts(stage, engine, questions)
    len(recorded.attempts), recorded.readings[0].num_used
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s1.attempts.grading import grade_attempt
from s1.attempts.recorded import ATTEMPT_FORMATS
from s1.config import RecordedEngine, RecordedFile
from s1.recordings import RecordingReading, find_format, read_recordings
from s1.records import Attempt, Question
from tasks.stage import StageContext


@dataclass(frozen=True, slots=True)
class RecordedAttempts:
    """What the recordings gave."""

    attempts: list[Attempt] = field(default_factory=list)
    """Model by model, each in the order of the questions; one for a question of a model, or none."""
    readings: list[RecordingReading] = field(default_factory=list)


def read_recorded_attempts(
    stage: StageContext, engine: RecordedEngine, questions: Sequence[Question]
) -> RecordedAttempts:
    """Read all files that the engine names; of two attempts of a model on a question the first counts.

    Raises:
        SourceError: a file is missing, not the declared one, in no format that the project knows, or mostly unreadable.
    """
    by_id = {question.id: question for question in questions}
    recorded = RecordedAttempts()
    num_files = len(engine.small) + len(engine.large)
    for name, files in (("small", engine.small), ("large", engine.large)):
        found: dict[str, Attempt] = {}
        for file in files:
            reading = _read_file(stage, file, by_id, found, name=name)
            reading.check(max_bad_share=engine.max_bad_share)
            recorded.readings.append(reading)
            note = f"recorded attempts of {file.model}, {name}, on {reading.num_used} of the questions"
            stage.progress(len(recorded.readings), num_files, note)
        recorded.attempts.extend(found[question.id] for question in questions if question.id in found)
    return recorded


def _read_file(
    stage: StageContext, file: RecordedFile, by_id: Mapping[str, Question], found: dict[str, Attempt], *, name: str
) -> RecordingReading:
    reading = RecordingReading(file=file.path)
    recording = find_format(ATTEMPT_FORMATS, file.adapter, key="attempt.engine", path=file.path)
    recordings = read_recordings(stage.source_files().path(file.path), recording, reading=reading)
    for question_id, response in recordings:
        question = by_id.get(question_id)
        if question is None:
            reading.num_other += 1
        elif question_id in found:
            reading.num_repeated += 1
        else:
            found[question_id] = grade_attempt(
                question,
                response=response.text,
                state=response.state,
                model=name,
                num_tokens=response.num_tokens,
                by=file.model,
            )
            reading.num_used += 1
    return reading
