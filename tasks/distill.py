"""Hard questions -> traces: the teacher's thinking and answer.

Knows ``s1.teacher`` and where artifacts lie. A paid teacher is asked only for what the archive of responses does not
hold, so that no response is paid for twice: not by a killed run, nor by one in another workspace.

Example::

    metrics = run(stage, distill=params.distill, seed=params.seed)
    metrics["states"]         # {'answered': 3120}
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import DistillParams
from s1.difficulty import questions_in_scope
from s1.records import Attempt, Question, Trace
from s1.teacher.archive import Archive, ArchivedTeacher
from s1.teacher.protocol import Teacher, build_teacher
from s1.tokens import load_token_counter
from tasks.paths import ATTEMPTS, CURATED, LARGE_MODEL, TRACES
from tasks.stage import Metrics, StageContext, fingerprint, map_shards


def run(stage: StageContext, *, distill: DistillParams, seed: int) -> Metrics:
    """Ask the teacher about the questions in scope."""
    curated = read_jsonl(CURATED, Question)
    questions = questions_in_scope(curated, read_jsonl(ATTEMPTS, Attempt), scope=distill.scope)
    teacher: Teacher = build_teacher(distill.teacher, count_tokens=load_token_counter(LARGE_MODEL), seed=seed)
    if teacher.is_paid:
        teacher = ArchivedTeacher(teacher, Archive(stage.archive_folder))

    def ask(shard: Sequence[Question]) -> list[Trace]:
        return [teacher.answer(question.question, question_id=question.id) for question in shard]

    traces = map_shards(
        stage,
        "distill",
        questions,
        ask,
        kind=Trace,
        shard_size=distill.shard_size,
        key=fingerprint(distill, seed, questions, LARGE_MODEL),
    )
    with ArtifactWriter(TRACES.parent) as artifact:
        artifact.write_jsonl(TRACES.name, traces)
    if isinstance(teacher, ArchivedTeacher):
        note = f"traces: {teacher.num_found} responses from the archive, {teacher.num_asked} asked for"
        stage.progress(len(traces), len(traces), note)
    return _measure(stage, traces)


def _measure(stage: StageContext, traces: Sequence[Trace]) -> Metrics:
    for name, amount in (
        ("prompt_tokens", sum(trace.usage.prompt_tokens for trace in traces)),
        ("thinking_tokens", sum(trace.usage.thinking_tokens for trace in traces)),
        ("answer_tokens", sum(trace.usage.answer_tokens for trace in traces)),
    ):
        stage.add_quantity(name, amount)
    states: Metrics = dict(sorted(Counter(trace.state for trace in traces).items()))
    answered = [trace.usage.thinking_tokens for trace in traces if trace.state == "answered"]
    return {
        "num_traces": len(traces),
        "states": states,
        "mean_thinking_tokens": fmean(answered) if answered else None,
        "max_thinking_tokens": max(answered, default=None),
    }
