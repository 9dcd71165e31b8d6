"""A finished small run in a folder: files of every stage up to ``select``, made by hand, and its real selections."""

from collections.abc import Callable
from pathlib import Path

from s1.artifacts import ArtifactWriter
from s1.config import OtherSelection, SelectParams
from s1.decisions import Decision, LedgerRow, Refusal
from s1.nano.tokenizer import build_tokenizer
from s1.records import Attempt, Question, Trace, TraceState
from tasks import select_
from tasks.paths import (
    ATTEMPTS,
    CURATE_DECISIONS,
    CURATED,
    DIFFICULTY,
    DOMAINS,
    LARGE_MODEL,
    QUESTIONS,
    REFUSED,
    TRACES,
)
from tasks.stage import Metrics, StageContext
from tests.selection.builders import S1, make_difficulty, make_label, make_trace

PROJECT = Path(__file__).resolve().parents[2]
SELECT = S1.model_copy(
    update={
        "num_examples": 3,
        "others": [
            OtherSelection(name="some", recipe="random", num_examples=4, traces="optional"),
            OtherSelection(name="hard-ones", recipe="random", num_examples=50, traces="optional", difficulty="hard"),
        ],
    }
)
_FIRST = "In how many ways can a committee of three be chosen from ten people?"
_TEXTS = {
    "committee": _FIRST,
    "again": f"  {_FIRST.upper()}",
    "copied": "Find the remainder when 7^100 is divided by 5, with every step.",
    "easy": "What is $2+2$? Give a single number.",
    "cut": "Show that the sum of two even numbers is even.",
    "plain": "How many primes are there below 30?",
    "long": "How many primes are there below 1000?",
    "other": "A train leaves at noon and \x1b[31mruns\x1b[0m 90 miles an hour. When has it gone 45 miles?",
}
_CURATED = {"copied": "ngram8", "again": "duplicate"}


def make_collected() -> dict[str, Question]:
    """Every question as it was read, by a name of ours."""
    return {
        name: Question.create(
            question=text,
            solution="Because.",
            answer=str(place),
            source="book" if name != "again" else "reprint",
            metadata={"file": "$S1_DATA/shelf/book.jsonl.gz", "line": place + 1},
        )
        for place, (name, text) in enumerate(_TEXTS.items())
    }


def write_finished(folder: Path, *, select: SelectParams = SELECT, seed: int = 0) -> Metrics:
    """Write the files of all stages into ``folder``, which must be the current one, and select for real."""
    collected = make_collected()
    curated = {name: question for name, question in collected.items() if name not in _CURATED}
    (folder / "dvc.yaml").write_text("stages: {}\n")
    build_tokenizer().save_pretrained(LARGE_MODEL)
    with ArtifactWriter(QUESTIONS.parent) as artifact:
        artifact.write_jsonl(QUESTIONS.name, collected.values())
        artifact.write_jsonl(
            REFUSED.name,
            [Refusal(source="book", file="book.jsonl.gz", line=77, reason="corrupt_json", detail="a broken row")],
        )
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, curated.values())
        artifact.write_jsonl(CURATE_DECISIONS.name, [_curate(name, item) for name, item in collected.items()])
    with ArtifactWriter(ATTEMPTS.parent) as artifact:
        artifact.write_jsonl(
            ATTEMPTS.name,
            [_attempt(name, item, model) for name, item in curated.items() for model in ("small", "large")],
        )
        artifact.write_jsonl(
            DIFFICULTY.name,
            [
                make_difficulty(item, reason="too_easy_small" if name == "easy" else "hard")
                for name, item in curated.items()
            ],
        )
    with ArtifactWriter(TRACES.parent) as artifact:
        artifact.write_jsonl(TRACES.name, [_trace(name, item) for name, item in curated.items() if name != "easy"])
    with ArtifactWriter(DOMAINS.parent) as artifact:
        labels = [
            make_label(item, "Number theory" if "primes" in item.question else "Else") for item in curated.values()
        ]
        artifact.write_jsonl(DOMAINS.name, labels)
    return select_.run(make_context(), select=select, seed=seed)


def make_context() -> StageContext:
    def run_shard(name: str, work: Callable[[], None]) -> None:
        work()

    return StageContext(
        "select", Path(".s1/work/select"), lambda done, total, note: None, run_shard, lambda step, of: None
    )


def _curate(name: str, question: Question) -> Decision:
    reason = _CURATED.get(name, "kept")
    detail = {"ngram8": "math500 test/7: remainder when 7^100 is divided", "duplicate": "same text as one of book"}
    return Decision(
        question_id=question.id,
        source=question.source,
        kept=reason == "kept",
        reason=reason,
        detail=detail.get(reason, ""),
    )


def _attempt(name: str, question: Question, model: str) -> Attempt:
    return Attempt(
        question_id=question.id,
        model=model,
        response=f"I think it is 4 ({model}).",
        answer="4",
        correct=name == "easy" and model == "small",
        state="answered",
        num_tokens=5,
    )


def _trace(name: str, question: Question) -> Trace:
    state: TraceState = "truncated" if name == "cut" else "answered"
    return make_trace(
        question, thinking="a+1 " * len(question.question), answer=f"Answer: {question.answer}", state=state
    )


def ledger_of(rows: list[LedgerRow]) -> dict[str, tuple[str, str]]:
    """Stage and reason of each collected question, by our names."""
    return {name: (row.stage, row.reason) for name, row in zip(make_collected(), rows, strict=True)}
