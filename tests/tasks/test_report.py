"""The report's stage reads what the chain wrote, prices it, and shows collected text as text."""

import json
import shutil
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.artifacts import ArtifactError, ArtifactWriter
from s1.config import Params, load_params
from s1.records import Generation, Question, Segment
from tasks import report, score
from tasks.paths import (
    BENCHMARKS,
    CHARTS_FOLDER,
    GENERATIONS,
    LEDGER_FOLDER,
    METRICS_FOLDER,
    REPORT,
    RUN_IDENTITY,
    TRAIN_STEPS,
    TRANSCRIPTS,
)
from tasks.stage import Metrics, StageContext
from tests.comparing.runs import IDENTITY

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert('x')</script> \"and\" & <img src=x onerror=alert(1)>"
SETTINGS = {"max-16": 16, "max-64": 40, "wait-0": 42, "wait-2": 60}
"""Setting -> thinking tokens that it uses here."""


def generation(question: Question, setting: str, answer: str, *, model: str = "tuned") -> Generation:
    return Generation(
        benchmark=question.source,
        question_id=question.id,
        model=model,
        setting=setting,
        sample=0,
        segments=[
            Segment(text=f"trace {HOSTILE}", token_ids=[1], forced=False, phase="thinking"),
            Segment(text="<|im_start|>answer", token_ids=[2], forced=True, phase="answer"),
            Segment(text=f"\nAnswer: {answer}", token_ids=[3], forced=False, phase="answer"),
        ],
        thinking_end="natural",
        num_waits=2 if setting == "wait-2" else 0,
        state="answered",
        num_thinking_tokens=SETTINGS.get(setting, 0),
        num_sampled_tokens=SETTINGS.get(setting, 0) + 4,
    )


@pytest.fixture
def params() -> Params:
    """Nano's, without what needs parallel samples: the recorded chain has none."""
    nano = load_params(ROOT / "profiles" / "nano.yaml")
    return nano.model_copy(update={"score": nano.score.model_copy(update={"vote_counts": [], "rejection_budgets": []})})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params) -> Path:
    """The files of a finished chain of four questions, up to ``score``: Wait repairs every other answer."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "prices.yaml", tmp_path)
    questions = [
        Question.create(question=f"{HOSTILE} number {index}?", solution="8", answer="8", source="nano-test")
        for index in range(4)
    ]
    with ArtifactWriter(BENCHMARKS.parent) as artifact:
        artifact.write_jsonl(BENCHMARKS.name, questions)
    with ArtifactWriter(GENERATIONS.parent) as artifact:
        artifact.write_jsonl(GENERATIONS.name, generations(questions))
    figures = score.run(
        context(), generate=params.generate, score=params.score.model_copy(update={"num_resamples": 50}), seed=0
    )
    write(METRICS_FOLDER / "score.json", figures)
    return tmp_path


def generations(questions: list[Question]) -> list[Generation]:
    rows: list[Generation] = []
    for index, question in enumerate(questions):
        right = {"max-16": False, "max-64": index > 1, "wait-0": index > 1, "wait-2": True}
        rows.extend(generation(question, setting, "8" if correct else "3") for setting, correct in right.items())
        rows.append(generation(question, "direct", "1", model="base"))
    return rows


def context() -> StageContext:
    return StageContext(
        "report", Path("work"), lambda done, total, note: None, lambda name, work: work(), lambda step, figures: None
    )


def write(path: Path, figures: dict[str, JsonValue]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, sort_keys=True))


def run(params: Params) -> Metrics:
    return report.run(context(), **{name: getattr(params, name) for name in Params.model_fields})


def test_the_page_is_made_from_scores_alone_and_calls_the_rest_not_measured(workspace: Path, params: Params) -> None:
    assert run(params) == {"num_benchmarks": 1, "num_points": 5, "num_transcripts": 4}
    page = REPORT.read_text(encoding="utf-8")
    assert "0.0% of the questions right when its thinking is cut at 16 tokens, and 50.0% with at most 64" in page
    assert "The training loss was not measured." in page
    assert "The curation funnel was not measured." in page


def test_hostile_questions_and_traces_stay_text(workspace: Path, params: Params) -> None:
    run(params)
    page = REPORT.read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)") == 4 + 4 * 5  # four questions, five settings of each


def test_wait_flips_are_the_first_transcripts(workspace: Path, params: Params) -> None:
    run(params)
    page = REPORT.read_text(encoding="utf-8")
    assert page.index("Wait corrected it: wrong without (answer “3”)") < page.index("Too little thinking")


def test_costs_are_priced_at_the_prices_of_the_day(workspace: Path, params: Params) -> None:
    (workspace / "prices.yaml").write_text(
        "cpu_core_hour: {usd: 2.0, date: 2026-01-02, source: list A}\n"
        "gpu_hour: {usd: 10.0, date: 2026-01-03, source: list B}\n"
    )
    write(LEDGER_FOLDER / "base.json", {"wall_seconds": 30.0, "cpu_seconds": 3600.0, "gpu_seconds": 0.0})
    write(LEDGER_FOLDER / "train.json", {"wall_seconds": 60.0, "cpu_seconds": 1800.0, "gpu_seconds": 7200.0})
    run(params)
    page = REPORT.read_text(encoding="utf-8")
    [total] = [line for line in page.splitlines() if '<th scope="row">total</th>' in line]
    assert "$23.00" in total
    assert "1 min 30 s" in total
    assert "CPU core hour $2 (2026-01-02; list A); GPU hour $10 (2026-01-03; list B)." in page


def test_a_language_models_tokens_are_in_the_stages_sum_with_the_price_that_was_used(
    workspace: Path, params: Params
) -> None:
    page = _page_with_models(workspace, params, asked="judge-1")
    assert "$7.00" in _row(page, "score") and "1,000,000 judge-1 input" in _row(page, "score")
    assert "$9.00" in _row(page, "total")
    assert "judge-1 $3 and $10 per million tokens in and out (2026-01-04; list C)." in page


def test_a_stage_that_asked_a_model_without_a_price_has_no_sum_and_the_page_says_so(
    workspace: Path, params: Params
) -> None:
    page = _page_with_models(workspace, params, asked="judge-2")
    assert "$" not in _row(page, "score") and "1,000,000 judge-2 input" in _row(page, "score")
    assert "$2.00" in _row(page, "total")
    assert "; none for judge-2, so stages that asked it have no sum and are not in the total." in page


def _page_with_models(workspace: Path, params: Params, *, asked: str) -> str:
    (workspace / "prices.yaml").write_text(
        "cpu_core_hour: {usd: 2.0, date: 2026-01-02, source: list A}\n"
        "gpu_hour: {usd: 10.0, date: 2026-01-03, source: list B}\n"
        "models: {judge-1: {input_usd: 3.0, output_usd: 10.0, date: 2026-01-04, source: list C}}\n"
    )
    ledger: dict[str, JsonValue] = {"wall_seconds": 9.0, "cpu_seconds": 3600.0, "gpu_seconds": 0.0}
    tokens = {f"model/{asked}/input_tokens": 1_000_000.0, f"model/{asked}/output_tokens": 200_000.0}
    write(LEDGER_FOLDER / "curate.json", ledger)
    write(LEDGER_FOLDER / "score.json", {**ledger, **tokens})
    run(params)
    return REPORT.read_text(encoding="utf-8")


def _row(page: str, stage: str) -> str:
    [row] = [line for line in page.splitlines() if f'<th scope="row">{stage}</th>' in line]
    return row


def test_the_loss_of_every_step_is_drawn(workspace: Path, params: Params) -> None:
    TRAIN_STEPS.parent.mkdir(parents=True)
    rows = [{"step": step, "epoch": 0, "loss": 2.0 / step, "learning_rate": 0.1} for step in (1, 2, 3)]
    TRAIN_STEPS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(params)
    assert "Over 3 steps the loss goes from 2.000 to 0.667" in REPORT.read_text(encoding="utf-8")


def test_missing_scores_are_an_error_that_says_what_to_do(workspace: Path, params: Params) -> None:
    (METRICS_FOLDER / "score.json").unlink()
    with pytest.raises(ArtifactError, match=r"score\.json is missing\. Run `dvc repro`"):
        run(params)


def test_damaged_figures_are_named_by_file_and_line(workspace: Path, params: Params) -> None:
    (METRICS_FOLDER / "select.json").write_text('{"funnel":\n oops}')
    with pytest.raises(ArtifactError, match=r"metrics/select\.json is not JSON: .*line 2"):
        run(params)


def test_a_failed_run_keeps_the_former_page(workspace: Path, params: Params) -> None:
    run(params)
    former = REPORT.read_text(encoding="utf-8")
    GENERATIONS.unlink()
    with pytest.raises(ArtifactError, match=r"generations\.jsonl is missing"):
        run(params)
    assert REPORT.read_text(encoding="utf-8") == former


def test_no_texts_are_read_when_no_transcripts_are_wanted(workspace: Path, params: Params) -> None:
    GENERATIONS.unlink()
    none_wanted = params.model_copy(update={"report": params.report.model_copy(update={"num_transcripts": 0})})
    assert run(none_wanted)["num_transcripts"] == 0


def test_the_charts_and_the_transcripts_are_files_of_their_own(workspace: Path, params: Params) -> None:
    run(params)
    assert sorted(path.name for path in CHARTS_FOLDER.glob("*.svg")) == ["nano-test-scaling.svg", "nano-test-waits.svg"]
    assert "Wait corrected it" in TRANSCRIPTS.read_text(encoding="utf-8")
    assert TRANSCRIPTS.read_text(encoding="utf-8").count("<script>") == 1


def test_a_decoded_token_is_priced_from_the_ledger_of_the_stage_that_decoded(workspace: Path, params: Params) -> None:
    (workspace / "prices.yaml").write_text(
        "cpu_core_hour: {usd: 2.0, date: 2026-01-02, source: list A}\n"
        "gpu_hour: {usd: 10.0, date: 2026-01-03, source: list B}\n"
    )
    ledger: dict[str, JsonValue] = {"wall_seconds": 9.0, "cpu_seconds": 3600.0, "gpu_seconds": 0.0}
    write(LEDGER_FOLDER / "generate.json", ledger)
    run(params)
    assert "What each point costs was not measured." in REPORT.read_text(encoding="utf-8")
    write(LEDGER_FOLDER / "generate.json", {**ledger, "decoded_tokens": 500_000.0})
    run(params)
    assert "at $4.00 per million decoded tokens" in REPORT.read_text(encoding="utf-8")


def test_what_decoded_is_shown_as_it_was_recorded(workspace: Path, params: Params) -> None:
    engine = IDENTITY.engine.model_copy(update={"tensor_parallel": 8})
    RUN_IDENTITY.write_text(IDENTITY.model_copy(update={"engine": engine}).model_dump_json())
    run(params)
    page = REPORT.read_text(encoding="utf-8")
    assert "<dt>engine: tensor parallel</dt><dd>8</dd>" in page
    assert "tuned/max-64: max thinking tokens" not in page


def test_what_the_profile_leaves_out_is_called_so_and_asks_for_no_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "prices.yaml", tmp_path)
    for stage in ("train", "generate", "score"):
        write(METRICS_FOLDER / f"{stage}.json", {"state": "not_run"})
        write(LEDGER_FOLDER / f"{stage}.json", {})
    write(METRICS_FOLDER / "curate.json", {"funnel": {"collected": 100}})
    write(METRICS_FOLDER / "select.json", {"funnel": {"selected": 10}})
    write(RUN_IDENTITY, {"state": "not_run"})
    assert run(params) == {"num_benchmarks": 0, "num_points": 0, "num_transcripts": 0}
    page = REPORT.read_text(encoding="utf-8")
    assert "Of 100 collected questions 10 were selected to be trained on. Train, generate and score are not run" in page
    assert page.count("Not run in this profile") == 2 + 3  # accuracy and training, and three rows of the costs
    assert "loss was not measured" not in page
    assert "bootstrap intervals" not in page
