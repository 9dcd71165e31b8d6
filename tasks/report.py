"""Everything's figures -> one HTML page, with its transcripts and its charts as files of their own.

Knows where figures, ledgers, prices and texts lie, and hands them to ``s1.report``. Figures of stages other than
``score`` are optional: what is missing is shown as not measured. Dollars are worked out here, at the prices of the day.
The page shows every parameter, so it reads every section.

Example::

    metrics = run(stage, **{name: getattr(params, name) for name in type(params).model_fields})
    metrics["num_transcripts"]      # 40
"""

import hashlib
import json
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from infra.figures import flatten_params
from infra.prices import load_prices
from infra.provenance import git_tags
from s1.artifacts import ArtifactError, ArtifactWriter, iterate_jsonl, read_jsonl, remake_hint, write_text_atomically
from s1.comparing.identity import read_run_identity
from s1.config import (
    AttemptParams,
    BaseParams,
    ChatParams,
    ClassifyParams,
    CollectParams,
    CurateParams,
    DistillParams,
    GenerateParams,
    NotRunParams,
    Params,
    ReportParams,
    ScoreParams,
    SelectParams,
    TokenizeParams,
    TrainParams,
)
from s1.not_run import is_not_run
from s1.records import Generation, Question, Score
from s1.report.comparability import facts_of, warnings_of
from s1.report.content import LossPoint, ReportContent, Transcript
from s1.report.curves import parallel_chart, scaling_chart, wait_chart
from s1.report.funnels import read_funnels
from s1.report.image import draw_image
from s1.report.page import render_page, render_reader
from s1.report.pool_reading import read_pool
from s1.report.reading import read_results
from s1.report.results import BenchmarkResult
from s1.report.stage_reading import read_domains, read_figures, read_funnel, read_num_selected
from s1.report.transcripts import assemble_transcripts, choose_transcripts
from tasks.costs import read_costs, read_token_price
from tasks.paths import (
    BENCHMARKS,
    CHARTS_FOLDER,
    GENERATIONS,
    LEDGER_FOLDER,
    METRICS_FOLDER,
    REPORT,
    RUN_IDENTITY,
    SCORES,
    TRAIN_STEPS,
    TRANSCRIPTS,
)
from tasks.stage import Metrics, StageContext

STAGES = tuple(name for name in Params.model_fields if name not in ("seed", "not_run", "chat", "report"))
"""Stages before this one, in order: the sections of ``params.yaml`` are named like them."""

PACKAGES = ("torch", "transformers", "deepspeed", "prefect", "dvc", "mlflow", "math-verify")
"""Whose versions a reader needs to repeat the run."""

CHARTS = {"scaling": scaling_chart, "waits": wait_chart, "parallel": parallel_chart}
"""Charts that are kept as images too, by what their files are called."""


class _Step(BaseModel):
    """What the report reads of one line of the training log."""

    model_config = ConfigDict(extra="ignore")

    step: int
    loss: float


def run(
    stage: StageContext,
    *,
    seed: int,
    not_run: NotRunParams,
    base: BaseParams,
    collect: CollectParams,
    curate: CurateParams,
    attempt: AttemptParams,
    distill: DistillParams,
    classify: ClassifyParams,
    select: SelectParams,
    chat: ChatParams,
    tokenize: TokenizeParams,
    train: TrainParams,
    generate: GenerateParams,
    score: ScoreParams,
    report: ReportParams,
) -> Metrics:
    """Gather, render and write the pages and the charts.

    Raises:
        ArtifactError: the scores, or the texts behind them, are missing or damaged.
        PricesError: ``prices.yaml`` cannot be used.
    """
    params = Params(
        seed=seed,
        not_run=not_run,
        base=base,
        collect=collect,
        curate=curate,
        attempt=attempt,
        distill=distill,
        classify=classify,
        select=select,
        chat=chat,
        tokenize=tokenize,
        train=train,
        generate=generate,
        score=score,
        report=report,
    )
    content = _gather(params)
    stage.progress(1, 2, "gathered")
    _write(content)
    stage.progress(2, 2, "rendered")
    return {
        "num_benchmarks": len(content.benchmarks),
        "num_points": sum(len(result.points) for result in content.benchmarks),
        "num_transcripts": len(content.transcripts),
    }


def _gather(params: Params) -> ReportContent:
    found = {name: _read_json(METRICS_FOLDER / f"{name}.json") for name in STAGES}
    not_run = tuple(name for name, figures in found.items() if is_not_run(figures))
    metrics = {name: None if name in not_run else figures for name, figures in found.items()}
    if metrics["score"] is None and "score" not in not_run:
        raise ArtifactError(f"{METRICS_FOLDER / 'score.json'} is missing. Run `dvc repro` (or `make demo`) to make it.")
    prices = load_prices()
    ledgers = {name: _read_json(LEDGER_FOLDER / f"{name}.json") for name in STAGES}
    has_identity = RUN_IDENTITY.is_file() and "generate" not in not_run
    identity = read_run_identity(RUN_IDENTITY) if has_identity else None
    return ReportContent(
        title=params.report.title,
        not_run=not_run,
        benchmarks=tuple(read_results(metrics["score"] or {})),
        confidence=params.score.confidence,
        num_examples=read_num_selected(metrics["select"]),
        funnel=tuple(read_funnel(metrics["curate"], metrics["select"])),
        funnels=tuple(read_funnels(metrics["select"])),
        pool=read_pool(metrics["collect"], metrics["curate"], metrics["select"]),
        domains=tuple(read_domains(metrics["select"])),
        losses=() if "train" in not_run else tuple(_read_losses()),
        training=tuple(read_figures(metrics["train"])),
        costs=read_costs(prices, ledgers=ledgers, not_run=not_run),
        token_price=read_token_price(prices, ledgers["generate"]),
        transcripts=() if "score" in not_run else tuple(_read_transcripts(params.report.num_transcripts)),
        facts=tuple(_run_facts(params.seed)),
        identity=tuple(facts_of(identity)) if identity else (),
        warnings=tuple(warnings_of(identity)) if identity else (),
        parameters=tuple(flatten_params(params.model_dump(mode="json")).items()),
    )


def _write(content: ReportContent) -> None:
    """All pages or none: both are rendered before one is written."""
    page, reader = render_page(content), render_reader(content)
    write_text_atomically(REPORT, page)
    write_text_atomically(TRANSCRIPTS, reader)
    _write_charts(content.benchmarks)


def _write_charts(results: Sequence[BenchmarkResult]) -> None:
    """Every chart of accuracy as an image, for MLflow and for slides."""
    with ArtifactWriter(CHARTS_FOLDER) as artifact:
        for result in results:
            for name, make in CHARTS.items():
                chart = make(result)
                if chart is not None:
                    artifact.path(f"{_file_name(result.name)}-{name}.svg").write_text(
                        draw_image(chart), encoding="utf-8"
                    )


def _file_name(benchmark: str) -> str:
    """A benchmark's name as part of a file's; a hash keeps two apart that differ in other letters only."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", benchmark)
    return plain if plain == benchmark else f"{plain}-{hashlib.sha256(benchmark.encode()).hexdigest()[:6]}"


def _read_json(path: Path) -> dict[str, JsonValue] | None:
    """A stage's figures; None when there are none.

    Raises:
        ArtifactError: the file is not a JSON object (names the line).
    """
    if not path.is_file():
        return None
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON: {error}. {remake_hint(path)}") from error
    if not isinstance(figures, dict):
        raise ArtifactError(f"{path} holds no JSON object. {remake_hint(path)}")
    return figures


def _read_losses() -> list[LossPoint]:
    if not TRAIN_STEPS.is_file():
        return []
    return [LossPoint(step=row.step, loss=row.loss) for row in read_jsonl(TRAIN_STEPS, _Step)]


def _read_transcripts(num: int) -> list[Transcript]:
    """Only the chosen generations are kept in memory: a 32B model's are gigabytes."""
    if num == 0:
        return []
    choices = choose_transcripts(iterate_jsonl(SCORES, Score), num=num)
    return assemble_transcripts(
        choices,
        generations=iterate_jsonl(GENERATIONS, Generation),
        questions=iterate_jsonl(BENCHMARKS, Question),
    )


def _run_facts(seed: int) -> list[tuple[str, str]]:
    tags = git_tags()
    commit = tags.get("git.commit", "unknown: not in a git checkout")
    if tags.get("git.dirty") == "true":
        commit += " (with uncommitted changes)"
    versions = [f"{name} {_version(name)}" for name in PACKAGES]
    return [
        ("Git commit", commit),
        ("Seed", str(seed)),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("Packages", ", ".join(versions)),
    ]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
