"""`score` with a judge: opinions beside verdicts, prose graded by it, differences noted, nothing paid for twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import Judge, ScoreParams, load_params
from s1.judge.server import JudgeServer
from s1.records import AnswerKind, Generation, JudgeNote, Question, Score, Segment, Usage
from s1.teacher.archive import Request, Response
from tasks import score
from tasks.paths import BENCHMARKS, GENERATIONS, JUDGE_NOTES, SCORES
from tasks.stage import StageContext

GENERATE = load_params(Path(__file__).parents[2] / "profiles/nano.yaml").generate


def question(text: str, answer: str, *, kind: AnswerKind = "expression") -> Question:
    return Question.create(question=text, solution=answer, source="test", answer_kind=kind)


NUMBER, PROSE = question("6 times 7?", "42"), question("Why?", "Because light\nbends.", kind="prose")


def answer(to: Question, text: str, *, sample: int) -> Generation:
    return Generation(
        benchmark="test",
        question_id=to.id,
        model="tuned",
        setting="max-8",
        sample=sample,
        segments=[Segment(text=text, token_ids=[1], forced=False, phase="answer")],
        thinking_end="natural",
        num_waits=0,
        state="answered",
        num_thinking_tokens=3,
        num_sampled_tokens=4,
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Prompts that reached the server, which says Yes where the attempt holds 42 or light."""
    prompts: list[str] = []

    def ask(_: JudgeServer, request: Request) -> Response:
        prompts.append(request.prompt)
        attempt = request.prompt.split("## Attempt")[1]
        return Response(
            key=request.key,
            request=request,
            received_at="2026-01-01T00:00:00Z",
            state="answered",
            thinking="",
            answer="Yes" if "42" in attempt or "light" in attempt else "Hard to say" if "dark" in attempt else "No",
            usage=Usage(prompt_tokens=10, thinking_tokens=0, answer_tokens=1),
        )

    monkeypatch.setattr(JudgeServer, "ask", ask)
    return prompts


def run(folder: Path, judge: Judge | None, generations: list[Generation]) -> tuple[dict[str, Any], dict[str, float]]:
    for path, rows in ((BENCHMARKS, [NUMBER, PROSE]), (GENERATIONS, generations)):
        with ArtifactWriter(path.parent) as artifact:
            artifact.write_jsonl(path.name, rows)
    stage = StageContext(
        "score",
        folder / "work",
        lambda done, total, note: None,
        lambda name, work: work(),
        lambda step, figures: None,
        archive_folder=folder / "archive",
    )
    params = ScoreParams(num_resamples=50, confidence=0.95, judge=judge, max_failed_share=1.0)
    metrics = score.run(stage, generate=GENERATE, score=params, seed=0)
    return json.loads(json.dumps(metrics)), stage.quantities


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


GENERATIONS_MADE = [
    answer(NUMBER, "Answer: 42", sample=0),
    answer(NUMBER, "Nearly 42, so Answer: 41", sample=1),
    answer(PROSE, "It is the light.", sample=0),
    answer(PROSE, "No idea.", sample=1),
]
ALL = Judge(kind="openai", model="m", scope="all")


def test_the_judge_decides_prose_and_leaves_symbolic_verdicts_alone(home: Path, asked: list[str]) -> None:
    run(home, ALL, GENERATIONS_MADE)
    scores = read_jsonl(SCORES, Score)
    assert [row.verdict for row in scores] == ["right", "wrong", "right", "wrong"]
    assert (scores[2].answer, scores[2].reference) == ("It is the light.", "Because light\nbends.")


def test_differences_are_noted_and_the_table_counts_both(home: Path, asked: list[str]) -> None:
    metrics, quantities = run(home, ALL, GENERATIONS_MADE)
    assert metrics["test"]["judge"] == {
        "num_judged": 4,
        "agreement": 0.5,
        "table": {
            "right": {"yes": 1, "no": 0, "unclear": 0},
            "wrong": {"yes": 1, "no": 0, "unclear": 0},
            "cannot_tell": {"yes": 1, "no": 1, "unclear": 0},
        },
    }
    notes = read_jsonl(JUDGE_NOTES, JudgeNote)
    assert (notes[0].symbolic, notes[0].judge, notes[0].answer) == (False, True, "41")
    assert len(notes) == 3
    assert quantities == {"model/m/input_tokens": 40.0, "model/m/output_tokens": 4.0}


def test_prose_with_an_unclear_reply_counts_as_no_answer_and_is_noted(home: Path, asked: list[str]) -> None:
    metrics, _ = run(home, ALL, [answer(PROSE, "It is dark.", sample=0), answer(PROSE, "The light.", sample=1)])
    scores = read_jsonl(SCORES, Score)
    assert [(row.verdict, row.answer, row.correct) for row in scores] == [
        ("no_answer", None, False),
        ("right", "The light.", True),
    ]
    assert metrics["test"]["judge"]["table"]["cannot_tell"] == {"yes": 1, "no": 0, "unclear": 1}
    assert [(note.judge, note.reply) for note in read_jsonl(JUDGE_NOTES, JudgeNote)] == [
        (None, "Hard to say"),
        (True, "Yes"),
    ]


def test_an_empty_answer_is_wrong_whatever_the_judge_says() -> None:
    empty = answer(PROSE, "  ", sample=0)
    row = score.score_generation(empty, {("test", PROSE.id): PROSE}, opinion=True, was_judged=True)
    assert (row.verdict, row.answer, row.correct) == ("no_answer", None, False)


def test_a_second_run_asks_nothing(home: Path, asked: list[str]) -> None:
    first = run(home, ALL, GENERATIONS_MADE)
    assert len(asked) == 4
    assert run(home, ALL, GENERATIONS_MADE) == first
    assert len(asked) == 4


def test_scope_ungradable_asks_about_prose_only(home: Path, asked: list[str]) -> None:
    run(home, Judge(kind="openai", model="m", scope="ungradable"), GENERATIONS_MADE)
    assert len(asked) == 2
    assert all("Because light" in prompt for prompt in asked)


def test_prose_without_a_judge_is_refused_with_the_way_out(home: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be graded.*score\.judge"):
        run(home, None, GENERATIONS_MADE)
