"""A small workspace for the stages from questions to the selection: params, tokenizer and made-up attempts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import (
    ClassifyParams,
    CollectParams,
    CurateParams,
    DistillParams,
    NgramRule,
    ProceduralClassifier,
    ProceduralSource,
    SelectParams,
    SolverTeacher,
)
from s1.difficulty import decide_difficulty
from s1.nano.tokenizer import build_tokenizer
from s1.records import Attempt, Question
from s1.sources.manifest import declare, manifest_text
from tasks import classify, collect, curate, distill
from tasks.paths import ATTEMPTS, CURATED, DIFFICULTY, LARGE_MODEL, MANIFESTS_FOLDER
from tasks.stage import StageContext

COLLECT = CollectParams(
    sources=[ProceduralSource(kind="procedural", name="pool", num=120, seed=1)],
    benchmarks=[
        ProceduralSource(kind="procedural", name="test", num=40, seed=1001),
        ProceduralSource(kind="procedural", name="dev", num=40, seed=2001),
    ],
    num_planted_overlaps=10,
)
CURATE = CurateParams(
    decontamination=NgramRule(rule="ngram", size=8),
    min_characters=8,
    max_characters=2000,
    drop_images=True,
    drop_numbered_parts=True,
    drop_bold_numbers=True,
)
SELECT = SelectParams(
    recipe="s1", num_examples=30, num_uniform=20, prepick_sources=[], prepick_long_sources={}, weight_sources={}
)


@dataclass(slots=True)
class Log:
    """What a stage reported."""

    shards: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    done: list[tuple[int, int]] = field(default_factory=list)


def declare_sources(stage: str, *paths: str) -> None:
    """Write the stage's manifest of source files, in the current folder."""
    MANIFESTS_FOLDER.mkdir(exist_ok=True)
    entries = [entry for path in paths for entry in declare(path, data_folder=None)]
    (MANIFESTS_FOLDER / f"{stage}.yaml").write_text(manifest_text(entries), encoding="utf-8")


def make_stage(name: str, log: Log | None = None) -> StageContext:
    """A context in the current folder that writes what it hears into ``log``."""
    heard = log or Log()

    def progress(done: int, total: int, note: str) -> None:
        heard.notes.append(note)
        heard.done.append((done, total))

    def run_shard(name: str, work: Callable[[], None]) -> None:
        heard.shards.append(name)
        work()

    return StageContext(name, Path(".s1/work") / name, progress, run_shard, lambda step, figures: None)


def save_tokenizer() -> None:
    """The tokenizer alone: what the data stages need of the base models."""
    build_tokenizer().save_pretrained(LARGE_MODEL)


def make_attempts() -> None:
    """The small model solves one step, the large one two."""
    attempts = [
        Attempt(
            question_id=question.id,
            model=model,
            response="",
            answer="0",
            correct=int(str(question.metadata["num_steps"])) <= reach,
            state="answered",
            num_tokens=2,
        )
        for question in read_jsonl(CURATED, Question)
        for model, reach in (("small", 1), ("large", 2))
    ]
    write_attempts(attempts)


def write_attempts(attempts: Sequence[Attempt]) -> None:
    """The artifact of the stage ``attempt``: attempts on the curated questions, and what follows from them."""
    curated = read_jsonl(CURATED, Question)
    with ArtifactWriter(ATTEMPTS.parent) as artifact:
        artifact.write_jsonl(ATTEMPTS.name, attempts)
        decisions = decide_difficulty(curated, attempts, not_attempted="out", ungraded="out")
        artifact.write_jsonl(DIFFICULTY.name, decisions)


def run_until_classified() -> None:
    """All stages before ``select``."""
    save_tokenizer()
    collect.run(make_stage("collect"), collect=COLLECT, seed=0)
    curate.run(make_stage("curate"), curate=CURATE)
    make_attempts()
    teacher = SolverTeacher(kind="solver")
    distill.run(make_stage("distill"), distill=DistillParams(teacher=teacher, scope="hard", shard_size=20), seed=0)
    classify.run(make_stage("classify"), classify=ClassifyParams(classifier=ProceduralClassifier(kind="procedural")))
