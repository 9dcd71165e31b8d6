"""Questions in scope -> traces: the teacher's thinking and answer.

Knows ``s1.teacher`` and where artifacts lie. A paid teacher is asked only for what the archive of responses does not
hold, so that no response is paid for twice: not by a killed run, nor by one in another workspace. A replayed teacher
costs nothing; what it was never asked has the state ``not_recorded``.

Example::

    metrics = run(stage, distill=params.distill, seed=params.seed)
    metrics["states"]         # {'answered': 3120}
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import DistillParams
from s1.decisions import Decision
from s1.difficulty import questions_in_scope
from s1.records import Question, Trace
from s1.teacher.archive import Archive, ArchivedTeacher
from s1.teacher.building import build_teacher
from s1.teacher.protocol import Teacher
from s1.teacher.replay import Replay
from s1.tokens import load_token_counter
from tasks.paths import CURATED, DIFFICULTY, LARGE_MODEL, TRACE_REFUSED, TRACES
from tasks.stage import Metrics, StageContext, fingerprint, map_shards


def run(stage: StageContext, *, distill: DistillParams, seed: int) -> Metrics:
    """Ask the teacher about the questions in scope."""
    curated = read_jsonl(CURATED, Question)
    questions = questions_in_scope(curated, read_jsonl(DIFFICULTY, Decision), scope=distill.scope)
    teacher = _teacher(stage, distill, questions, seed=seed)

    def ask(shard: Sequence[Question]) -> list[Trace]:
        return [teacher.answer(question.question, question_id=question.id) for question in shard]

    recordings = [str(teacher.identity["traces"])] if isinstance(teacher, Replay) else []
    traces = map_shards(
        stage,
        "distill",
        questions,
        ask,
        kind=Trace,
        shard_size=distill.shard_size,
        key=fingerprint(distill, seed, questions, LARGE_MODEL, *recordings),
    )
    readings = teacher.readings if isinstance(teacher, Replay) else []
    with ArtifactWriter(TRACES.parent) as artifact:
        artifact.write_jsonl(TRACES.name, traces)
        artifact.write_jsonl(TRACE_REFUSED.name, [row for reading in readings for row in reading.refusals])
    if isinstance(teacher, ArchivedTeacher):
        note = f"traces: {teacher.num_found} responses from the archive, {teacher.num_asked} asked for"
        stage.progress(len(traces), len(traces), note)
    if not isinstance(teacher, Replay):
        _add_quantities(stage, traces)
    files: Metrics = {reading.file: reading.figures() for reading in readings}
    return {**_measure(traces), **({"files": files} if files else {})}


def _teacher(stage: StageContext, distill: DistillParams, questions: Sequence[Question], *, seed: int) -> Teacher:
    def open_file(path: str) -> Path:
        return stage.source_files().path(path)

    teacher = build_teacher(
        distill.teacher,
        count_tokens=load_token_counter(LARGE_MODEL),
        seed=seed,
        wanted=[question.id for question in questions],
        open_file=open_file,
    )
    return ArchivedTeacher(teacher, Archive(stage.archive_folder)) if teacher.is_paid else teacher


def _add_quantities(stage: StageContext, traces: Sequence[Trace]) -> None:
    """Tokens that this result rests on; those of a replayed teacher were somebody else's."""
    for name, amount in (
        ("prompt_tokens", sum(trace.usage.prompt_tokens for trace in traces)),
        ("thinking_tokens", sum(trace.usage.thinking_tokens for trace in traces)),
        ("answer_tokens", sum(trace.usage.answer_tokens for trace in traces)),
    ):
        stage.add_quantity(name, amount)


def _measure(traces: Sequence[Trace]) -> Metrics:
    states: Metrics = dict(sorted(Counter(trace.state for trace in traces).items()))
    answered = [trace.usage.thinking_tokens for trace in traces if trace.state == "answered"]
    return {
        "num_traces": sum(trace.state != "not_recorded" for trace in traces),
        "num_not_recorded": sum(trace.state == "not_recorded" for trace in traces),
        "states": states,
        "mean_thinking_tokens": fmean(answered) if answered else None,
        "max_thinking_tokens": max(answered, default=None),
    }
