"""`attempt` with recorded attempts and `distill` with recorded traces, from files that the manifests declare."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import (
    AttemptParams,
    DistillParams,
    Judge,
    RecordedEngine,
    RecordedFile,
    RecordedTraces,
    ReplayTeacher,
)
from s1.decisions import Decision, Refusal
from s1.records import Attempt, Question, Trace
from s1.sources.result import SourceError
from tasks import attempt, curate, distill
from tasks.paths import (
    ATTEMPT_REFUSED,
    ATTEMPTS,
    BENCHMARKS,
    CURATED,
    DIFFICULTY,
    HASHED,
    HELD_OUT,
    QUESTIONS,
    TRACES,
)
from tests.chat_server import completion, serving
from tests.delimiters import S1_DELIMITERS
from tests.tasks.data_workspace import CURATE, declare_sources, make_stage, save_tokenizer

TEXTS = [f"Ann has {number} apples and gives away one of them. How many has she now?" for number in range(2, 7)]
SUMS = [
    Question.create(question=text, solution=str(number + 1), answer=str(number + 1), source="sums")
    for number, text in enumerate(TEXTS)
]
PROSE = Question.create(
    question="Why do apples fall down to the ground?", solution="Gravity.", answer_kind="prose", source="why"
)
ENGINE = RecordedEngine(
    kind="recorded",
    small=[RecordedFile(adapter="theoremqa", path="small.jsonl", model="Mistral")],
    large=[RecordedFile(adapter="theoremqa", path="large.jsonl", model="Llama")],
)
ATTEMPT = AttemptParams(engine=ENGINE, max_new_tokens=5, temperature=0.0, shard_size=4)
REPLAY = ReplayTeacher(kind="replay", files=[RecordedTraces(adapter="pairs", path="pairs.json")])
DISTILL = DistillParams(teacher=REPLAY, scope="all", shard_size=2)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_curated([*SUMS, PROSE])


def write_curated(questions: Sequence[Question]) -> None:
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, questions)


def solution(question: Question | str, text: str) -> dict[str, JsonValue]:
    asked = question if isinstance(question, str) else question.question
    return {"question": asked, "correct": ["1", 1], "solution": text, "pred": ""}


def write_attempts(small: Sequence[Mapping[str, JsonValue]], large: Sequence[Mapping[str, JsonValue]]) -> None:
    for name, rows in (("small.jsonl", small), ("large.jsonl", large)):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    declare_sources("attempt", "small.jsonl", "large.jsonl")


def says(number: int) -> str:
    return f"The answer is {number}."


def test_recorded_attempts_are_graded_and_decide_what_is_hard() -> None:
    first, second, third, fourth, fifth = SUMS
    write_attempts(
        [
            solution(first, says(0)),
            solution(second, says(2)),
            solution(third, says(0)),
            solution(fourth, ""),
            solution(PROSE, "It does."),
            solution("Asked by nobody?", says(1)),
        ],
        [
            solution(first, "I do not know"),
            solution(second, says(0)),
            solution(fourth, says(0)),
            solution(PROSE, "It does not."),
        ],
    )
    metrics = attempt.run(make_stage("attempt"), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    decisions = {row.question_id: row for row in read_jsonl(DIFFICULTY, Decision)}
    assert [decisions[question.id].reason for question in (*SUMS, PROSE)] == [
        "hard",
        "too_easy_small",
        "not_attempted",
        "not_attempted",
        "not_attempted",
        "ungraded",
    ]
    assert decisions[first.id].detail == "small: wrong (0) by Mistral, large: wrong (no answer) by Llama"
    assert decisions[fifth.id].detail == "small: no attempt, large: no attempt"
    assert [(row.model, row.question_id) for row in read_jsonl(ATTEMPTS, Attempt)] == [
        *(("small", question.id) for question in (first, second, third, fourth, PROSE)),
        *(("large", question.id) for question in (first, second, fourth, PROSE)),
    ]
    assert metrics["reasons"] == {"hard": 1, "not_attempted": 3, "too_easy_small": 1, "ungraded": 1}
    assert (metrics["num_hard"], metrics["num_attempted"]) == (1, 3)
    assert metrics["files"] == {
        "small.jsonl": {"read": 6, "used": 5, "other_questions": 1, "repeated": 0, "refused": 0},
        "large.jsonl": {"read": 4, "used": 4, "other_questions": 0, "repeated": 0, "refused": 0},
    }


def test_nothing_was_decoded_so_nothing_is_charged() -> None:
    write_attempts([solution(SUMS[0], says(0))], [solution(SUMS[0], says(0))])
    stage = make_stage("attempt")
    attempt.run(stage, attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    assert stage.quantities == {}


def test_policies_let_what_nobody_knows_count_as_hard() -> None:
    write_attempts([solution(PROSE, "It does.")], [solution(PROSE, "It does.")])
    lenient = ATTEMPT.model_copy(update={"not_attempted": "hard", "ungraded": "hard"})
    attempt.run(make_stage("attempt"), attempt=lenient, chat=S1_DELIMITERS, seed=0)
    assert [(row.reason, row.kept) for row in read_jsonl(DIFFICULTY, Decision)] == [
        *([("not_attempted", True)] * 5),
        ("ungraded", True),
    ]


def test_a_judge_grades_the_prose_and_its_tokens_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_attempts([solution(PROSE, "It floats.")], [solution(PROSE, "Gravity pulls.")])
    judged = ATTEMPT.model_copy(update={"judge": Judge(kind="openai", model="judge-1", scope="ungradable")})
    stage = make_stage("attempt")
    with serving(
        lambda sent: (200, completion("Yes" if "pulls" in sent["messages"][0]["content"] else "No"))
    ) as server:
        for name, value in server.environment("JUDGE").items():
            monkeypatch.setenv(name, value)
        metrics = attempt.run(stage, attempt=judged, chat=S1_DELIMITERS, seed=0)
    assert read_jsonl(DIFFICULTY, Decision)[-1].reason == "too_easy_large"
    assert metrics["judge"] == {
        "num_judged": 2,
        "table": {
            "right": {"yes": 0, "no": 0, "unclear": 0},
            "wrong": {"yes": 0, "no": 0, "unclear": 0},
            "cannot_tell": {"yes": 1, "no": 1, "unclear": 0},
        },
    }
    assert stage.quantities == {"model/judge-1/input_tokens": 180, "model/judge-1/output_tokens": 14}


def test_rows_that_cannot_be_used_are_kept_by_file_and_line_and_cost_nothing_else() -> None:
    write_attempts([solution(SUMS[0], says(0)), {"question": "Why?"}], [solution(SUMS[0], says(0))])
    lenient = ENGINE.model_copy(update={"max_bad_share": 0.5})
    params = ATTEMPT.model_copy(update={"engine": lenient})
    attempt.run(make_stage("attempt"), attempt=params, chat=S1_DELIMITERS, seed=0)
    refused = read_jsonl(ATTEMPT_REFUSED, Refusal)
    assert [(row.file, row.line, row.reason) for row in refused] == [("small.jsonl", 2, "missing_field")]
    assert read_jsonl(DIFFICULTY, Decision)[0].reason == "hard"
    with pytest.raises(SourceError, match="1 of 2 rows cannot be used"):
        attempt.run(make_stage("attempt"), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)


def test_a_file_that_is_not_declared_is_refused() -> None:
    write_attempts([solution(SUMS[0], says(0))], [solution(SUMS[0], says(0))])
    Path("small.jsonl").write_text(json.dumps(solution(SUMS[0], says(1))) + "\n")
    with pytest.raises(SourceError, match=r"small\.jsonl"):
        attempt.run(make_stage("attempt"), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)


def write_traces(answers: Mapping[str, str]) -> None:
    tasks = [
        {"question": question, "correct_answer": "", "model_answers": {"thinking_model": text}}
        for question, text in answers.items()
    ]
    Path("pairs.json").write_text(json.dumps({"tasks": tasks}))
    declare_sources("distill", "pairs.json")


def decide_nothing() -> None:
    write_attempts([solution(SUMS[0], says(0))], [solution(SUMS[0], says(0))])
    attempt.run(make_stage("attempt"), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)


def test_every_question_in_scope_gets_its_trace_or_says_that_none_was_recorded() -> None:
    save_tokenizer()
    decide_nothing()
    write_traces({TEXTS[0]: "One less.</think>1", TEXTS[1]: "One", "Asked by nobody?": "hm</think>5"})
    stage = make_stage("distill")
    metrics = distill.run(stage, distill=DISTILL, seed=0)
    assert [row.state for row in read_jsonl(TRACES, Trace)] == ["answered", "truncated", *["not_recorded"] * 4]
    assert metrics["states"] == {"answered": 1, "not_recorded": 4, "truncated": 1}
    assert (metrics["num_traces"], metrics["num_not_recorded"]) == (2, 4)
    assert metrics["files"] == {"pairs.json": {"read": 3, "used": 2, "other_questions": 1, "repeated": 0, "refused": 0}}
    assert stage.quantities == {}


def test_scope_hard_asks_for_traces_of_hard_questions_only() -> None:
    save_tokenizer()
    decide_nothing()
    write_traces(dict.fromkeys(TEXTS, "One less.</think>1"))
    distill.run(make_stage("distill"), distill=DISTILL.model_copy(update={"scope": "hard"}), seed=0)
    assert [row.question_id for row in read_jsonl(TRACES, Trace)] == [SUMS[0].id]


def test_a_trace_on_a_benchmark_question_is_never_trained_on() -> None:
    benchmark = SUMS[0].model_copy(update={"source": "math500"})
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, [SUMS[0], PROSE])
        artifact.write_jsonl(BENCHMARKS.name, [benchmark])
        artifact.write_jsonl(HELD_OUT.name, [])
        artifact.write_jsonl(HASHED.name, [])
    curate.run(make_stage("curate"), curate=CURATE)
    save_tokenizer()
    write_attempts([solution(PROSE, "It does.")], [solution(PROSE, "It does.")])
    attempt.run(make_stage("attempt"), attempt=ATTEMPT, chat=S1_DELIMITERS, seed=0)
    write_traces({TEXTS[0]: "One less.</think>1", PROSE.question: "hm</think>Gravity."})
    distill.run(make_stage("distill"), distill=DISTILL, seed=0)
    assert [row.question_id for row in read_jsonl(TRACES, Trace)] == [PROSE.id]
