"""Source files and generators -> questions and benchmarks, every row accounted for.

Knows ``s1.sources`` and where its artifacts lie; reads no other stage's output.

Example::

    metrics = run(stage, collect=params.collect, seed=params.seed)
    metrics["sources"]["procedural"]        # {'read': 6000, 'kept': 6000, 'refused': 0, 'reasons': {}}
"""

from s1.artifacts import ArtifactWriter
from s1.config import CollectParams
from s1.records import Question
from s1.sources import SourceRead, check_source, only_gradable, plant_overlaps, read_source, texts_of
from tasks.paths import BENCHMARKS, QUESTIONS, REFUSED
from tasks.stage import Metrics, StageContext

PLANTED_SOURCE = "planted"


def run(stage: StageContext, *, collect: CollectParams, seed: int) -> Metrics:
    """Read benchmarks, then sources; procedural ones never repeat a benchmark question except the planted ones."""
    num_all = len(collect.benchmarks) + len(collect.sources)
    benchmark_reads: list[SourceRead] = []
    for source in collect.benchmarks:
        seen = texts_of(_questions(benchmark_reads))
        read = read_source(source, seed=seed, exclude=seen, for_benchmark=True)
        benchmark_reads.append(_checked(only_gradable(read), collect))
        stage.progress(len(benchmark_reads), num_all, source.name)
    benchmarks = _questions(benchmark_reads)
    excluded = texts_of(benchmarks)
    source_reads: list[SourceRead] = []
    for source in collect.sources:
        source_reads.append(_checked(read_source(source, seed=seed, exclude=excluded), collect))
        stage.progress(len(benchmark_reads) + len(source_reads), num_all, source.name)
    planted = plant_overlaps(benchmarks, num=collect.num_planted_overlaps, seed=seed, source=PLANTED_SOURCE)
    questions = [*_questions(source_reads), *planted]
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, questions)
        artifact.write_jsonl(BENCHMARKS.name, benchmarks)
        refusals = [refusal for read in [*benchmark_reads, *source_reads] for refusal in read.refusals]
        artifact.write_jsonl(REFUSED.name, refusals)
    return {
        "num_questions": len(questions),
        "num_benchmark_questions": len(benchmarks),
        "num_planted_overlaps": len(planted),
        "num_refused": len(refusals),
        "sources": {read.name: _count(read) for read in source_reads},
        "benchmarks": {read.name: _count(read) for read in benchmark_reads},
    }


def _checked(read: SourceRead, collect: CollectParams) -> SourceRead:
    check_source(read, max_bad_share=collect.max_bad_share)
    return read


def _questions(reads: list[SourceRead]) -> list[Question]:
    return [question for read in reads for question in read.questions]


def _count(read: SourceRead) -> Metrics:
    reasons: Metrics = dict(read.reasons)
    return {"read": read.num_read, "kept": len(read.questions), "refused": read.num_bad, "reasons": reasons}
