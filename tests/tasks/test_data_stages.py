"""From questions to the selection: what each stage writes and reports."""

from collections import Counter
from pathlib import Path

import pytest

from s1.artifacts import read_jsonl
from s1.config import CollectParams, DistillParams, JsonlSource, SolverTeacher
from s1.decisions import Decision, Refusal
from s1.records import Attempt, DomainLabel, Question, SelectedQuestion, Trace
from s1.sources import SourceError
from s1.teacher.solver import SolverTeacher as Solver
from s1.tokens import load_token_counter
from tasks import collect, curate, distill, select_
from tasks.paths import (
    ATTEMPTS,
    BENCHMARKS,
    CURATE_DECISIONS,
    CURATED,
    DOMAINS,
    LARGE_MODEL,
    QUESTIONS,
    REFUSED,
    SELECT_DECISIONS,
    SELECTION,
    TRACES,
)
from tests.tasks.data_workspace import (
    COLLECT,
    CURATE,
    SELECT,
    Log,
    declare_sources,
    make_attempts,
    make_stage,
    run_until_classified,
    write_attempts,
)
from tests.tasks.data_workspace import save_tokenizer as save_large_tokenizer

DISTILL = DistillParams(teacher=SolverTeacher(kind="solver"), scope="hard", shard_size=20)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def collect_all(params: CollectParams = COLLECT) -> None:
    collect.run(make_stage("collect"), collect=params, seed=0)


def test_pool_and_benchmarks_share_only_what_was_planted() -> None:
    metrics = collect.run(make_stage("collect"), collect=COLLECT, seed=0)
    benchmarks, pool = read_jsonl(BENCHMARKS, Question), read_jsonl(QUESTIONS, Question)
    shared = {question.id for question in benchmarks} & {question.id for question in pool}
    verbatim = {question.id for question in pool if question.metadata.get("planted") == "verbatim"}
    assert shared == verbatim
    assert (len(verbatim), len(pool), len(benchmarks)) == (5, 130, 80)
    assert len({question.id for question in benchmarks}) == 80
    assert metrics["num_questions"] == 130
    assert metrics["benchmarks"] == {
        name: {"read": 40, "kept": 40, "refused": 0, "reasons": {}} for name in ("test", "dev")
    }


def test_refused_rows_are_listed_by_file_and_line(workspace: Path) -> None:
    rows = ['{"question": "How many primes are there?", "solution": "oo"}', "{broken", "", '{"question": "Why?"}']
    (workspace / "book.jsonl").write_text("\n".join(rows))
    book = JsonlSource(kind="jsonl", name="book", path="book.jsonl")
    declare_sources("collect", "book.jsonl")
    params = COLLECT.model_copy(update={"sources": [*COLLECT.sources, book], "max_bad_share": 0.7})
    metrics = collect.run(make_stage("collect"), collect=params, seed=0)
    refusals = read_jsonl(REFUSED, Refusal)
    assert [(row.file, row.line, row.reason) for row in refusals] == [
        ("book.jsonl", 2, "corrupt_json"),
        ("book.jsonl", 4, "missing_field"),
    ]
    assert isinstance(metrics["sources"], dict)
    assert metrics["sources"]["book"] == {
        "read": 3,
        "kept": 1,
        "refused": 2,
        "reasons": {"blank_line": 1, "corrupt_json": 1, "missing_field": 1},
    }


def test_too_many_bad_rows_leave_the_former_artifact_alone(workspace: Path) -> None:
    collect_all()
    before = QUESTIONS.read_bytes()
    (workspace / "book.jsonl").write_text("{broken")
    book = JsonlSource(kind="jsonl", name="book", path="book.jsonl")
    declare_sources("collect", "book.jsonl")
    with pytest.raises(SourceError, match="1 of 1 rows are bad"):
        collect_all(COLLECT.model_copy(update={"sources": [book]}))
    assert QUESTIONS.read_bytes() == before


def test_every_planted_overlap_is_removed_for_its_own_reason() -> None:
    collect_all()
    metrics = curate.run(make_stage("curate"), curate=CURATE)
    planted = {q.id: q.metadata for q in read_jsonl(QUESTIONS, Question) if "planted" in q.metadata}
    decisions = {decision.question_id: decision for decision in read_jsonl(CURATE_DECISIONS, Decision)}
    reasons = {"verbatim": "exact_benchmark", "extended": "ngram8"}
    for question_id, marks in planted.items():
        decision = decisions[question_id]
        assert (decision.kept, decision.reason) == (False, reasons[str(marks["planted"])])
        assert decision.detail.startswith(f"{marks['benchmark']} {marks['benchmark_id']}: ")
    assert metrics["planted"] == {"verbatim": {"num": 5, "removed": 5}, "extended": {"num": 5, "removed": 5}}
    assert metrics["funnel"] == {"collected": 130, "unique": 130, "decontaminated": 120, "quality": 120}
    assert len(decisions) == 130


def test_curating_everything_away_fails_with_the_reasons() -> None:
    collect_all()
    with pytest.raises(ValueError, match=r"no question is left.*'too_short': 120"):
        curate.run(make_stage("curate"), curate=CURATE.model_copy(update={"min_characters": 1000}))


def test_only_hard_questions_are_distilled_and_sharding_changes_nothing() -> None:
    save_large_tokenizer()
    collect_all()
    curate.run(make_stage("curate"), curate=CURATE)
    make_attempts()
    log = Log()
    stage = make_stage("distill", log)
    metrics = distill.run(stage, distill=DISTILL, seed=0)
    traces = read_jsonl(TRACES, Trace)
    hard = [q.id for q in read_jsonl(CURATED, Question) if int(str(q.metadata["num_steps"])) > 2]
    assert [trace.question_id for trace in traces] == hard
    assert log.shards == [f"distill {i}/{-(-len(hard) // 20)}" for i in range(1, -(-len(hard) // 20) + 1)]
    assert metrics["states"] == {"answered": len(hard)}
    assert stage.quantities["thinking_tokens"] == sum(trace.usage.thinking_tokens for trace in traces)
    distill.run(make_stage("distill"), distill=DISTILL.model_copy(update={"shard_size": 7}), seed=0)
    assert read_jsonl(TRACES, Trace) == traces


def test_a_killed_distillation_asks_only_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    save_large_tokenizer()
    collect_all()
    curate.run(make_stage("curate"), curate=CURATE)
    make_attempts()
    asked: list[str] = []
    answer = Solver.answer

    def count(self: Solver, text: str, *, question_id: str) -> Trace:
        asked.append(question_id)
        if len(asked) == 30:
            raise KeyboardInterrupt
        return answer(self, text, question_id=question_id)

    monkeypatch.setattr(Solver, "answer", count)
    with pytest.raises(KeyboardInterrupt):
        distill.run(make_stage("distill"), distill=DISTILL, seed=0)
    first_shard = asked[:20]
    assert not TRACES.exists()
    distill.run(make_stage("distill"), distill=DISTILL, seed=0)
    assert [trace.question_id for trace in read_jsonl(TRACES, Trace)][:20] == first_shard
    assert not set(asked[30:]) & set(first_shard)


def test_selection_decides_on_every_curated_question_and_counts_the_funnel() -> None:
    run_until_classified()
    metrics = select_.run(make_stage("select"), select=SELECT, seed=0)
    selection, decisions = read_jsonl(SELECTION, SelectedQuestion), read_jsonl(SELECT_DECISIONS, Decision)
    curated = read_jsonl(CURATED, Question)
    assert [decision.question_id for decision in decisions] == [question.id for question in curated]
    assert {d.question_id for d in decisions if d.kept} == {item.question_id for item in selection}
    steps = Counter(int(str(question.metadata["num_steps"])) for question in curated)
    num_hard = steps[3] + steps[4]
    assert metrics["reasons"] == {
        "too_easy_both": steps[1],
        "too_easy_large": steps[2],
        "diversity": 30,
        "not_drawn": num_hard - 30,
    }
    assert metrics["funnel"] == {
        "collected": 130,
        "unique": 130,
        "decontaminated": 120,
        "quality": 120,
        "hard": num_hard,
        "traced": num_hard,
        "selected": 30,
    }


def test_a_selected_question_carries_its_trace_and_the_trained_models_length() -> None:
    run_until_classified()
    metrics = select_.run(make_stage("select"), select=SELECT, seed=0)
    traces = {trace.question_id: trace for trace in read_jsonl(TRACES, Trace)}
    domains = {label.question_id: label.domain for label in read_jsonl(DOMAINS, DomainLabel)}
    selection = read_jsonl(SELECTION, SelectedQuestion)
    lengths = load_token_counter(LARGE_MODEL)([item.thinking for item in selection])
    for item, length in zip(selection, lengths, strict=True):
        trace = traces[item.question_id]
        assert (item.thinking, item.answer) == (trace.thinking, trace.answer)
        assert (item.domain, item.trace_length) == (domains[item.question_id], length)
    selected = metrics["selection"]
    assert isinstance(selected, dict)
    assert selected["mean_trace_length"] == sum(lengths) / 30
    assert selected["domains"] == dict(Counter(item.domain for item in selection))


def test_a_small_selection_has_longer_traces_than_the_pool() -> None:
    run_until_classified()
    metrics = select_.run(make_stage("select"), select=SELECT.model_copy(update={"num_examples": 10}), seed=0)
    pool, selection = metrics["pool"], metrics["selection"]
    assert isinstance(pool, dict) and isinstance(selection, dict)
    longer, shorter = selection["mean_trace_length"], pool["mean_trace_length"]
    assert isinstance(longer, float) and isinstance(shorter, float)
    assert longer > shorter + 5  # over seeds the difference is 14 to 48 tokens


def test_teacher_accuracy_is_measured_against_the_reference() -> None:
    run_until_classified()
    metrics = select_.run(make_stage("select"), select=SELECT, seed=0)
    reference = {question.id: question.answer for question in read_jsonl(CURATED, Question)}
    right = [trace.answer == f"Answer: {reference[trace.question_id]}" for trace in read_jsonl(TRACES, Trace)]
    pool = metrics["pool"]
    assert isinstance(pool, dict)
    assert pool["teacher_accuracy"] == sum(right) / len(right)
    assert 0.3 < sum(right) / len(right) < 1


def test_a_pool_smaller_than_wanted_is_reported() -> None:
    run_until_classified()
    metrics = select_.run(make_stage("select"), select=SELECT.model_copy(update={"num_examples": 100}), seed=0)
    num_hard = len(read_jsonl(TRACES, Trace))
    assert (metrics["num_selected"], metrics["num_short_of_wanted"]) == (num_hard, 100 - num_hard)


def test_an_empty_pool_fails_with_the_reasons() -> None:
    run_until_classified()
    attempts = [attempt.model_copy(update={"correct": True}) for attempt in read_jsonl(ATTEMPTS, Attempt)]
    write_attempts(attempts)
    with pytest.raises(ValueError, match=r"no question can be selected.*'too_easy_both': 120"):
        select_.run(make_stage("select"), select=SELECT, seed=0)
