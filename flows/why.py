"""Tells why a question is in or out: ``python -m flows.why QUESTION``, what ``make why Q="…"`` does.

A question is named by its id, by the place where it was read (``math/train.jsonl.gz:17``), or by a piece of its text.
Told is its whole way: every place it was read in, each stage's decision with its evidence, and the verdict. Knows where
a run's files lie; finds and tells nothing itself (``s1.selection.searching``, ``flows.why_text``).

Exit codes: 0 told, 1 nothing found or a file cannot be read, 2 the question was not understood.

Example::

    python -m flows.why 1f0c2a9b
    python -m flows.why "remainder when 2^100 is divided by 7" --run main
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import BaseModel

from flows.why_text import render_close, render_list, render_refusals, render_story
from infra.failures import EXIT_FAILED, EXIT_USAGE, explain
from infra.revisions import bring_files
from s1.artifacts import check_file, iterate_jsonl
from s1.decisions import Decision, LedgerRow, Refusal
from s1.records import Attempt, DomainLabel, Question, SelectedQuestion, Trace, question_id
from s1.selection.searching import Query, find_close, parse_query
from s1.selection.story import Copy, Story
from tasks.paths import (
    ATTEMPTS,
    BENCHMARKS,
    CURATE_DECISIONS,
    DIFFICULTY,
    DOMAINS,
    HELD_OUT,
    LEDGER,
    OTHER_SELECTIONS,
    QUESTIONS,
    REFUSED,
    SELECTION,
    TRACES,
)

RowT = TypeVar("RowT", bound=BaseModel)

STAGES = {
    "collect": QUESTIONS,
    "curate": CURATE_DECISIONS,
    "attempt": DIFFICULTY,
    "distill": TRACES,
    "classify": DOMAINS,
    "select": LEDGER,
}
"""The file by which a stage shows that it has run."""
_NUM_CLOSE = 5
_NEEDED = (QUESTIONS.parent,)
_OPTIONAL = tuple(path.parent for name, path in STAGES.items() if name != "collect")


def main(argv: Sequence[str]) -> int:
    """Tell and return the exit code."""
    arguments = _parse(argv)
    try:
        query = parse_query(" ".join(arguments.question))
    except ValueError as error:
        print(f"why: {error}", file=sys.stderr)
        return EXIT_USAGE
    try:
        with TemporaryDirectory() as scratch:
            root = bring_files(arguments.run, _NEEDED, into=Path(scratch), optional=_OPTIONAL)
            return _tell(query, root, is_full=arguments.full)
    except (OSError, ValueError) as error:
        print(f"why: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.why", description="Tell why a question is in or out.")
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="an id, file:line, or a piece of the text")
    parser.add_argument(
        "--run", default=".", metavar="RUN", help="a folder, a git revision or a DVC experiment (. is this checkout)"
    )
    parser.add_argument("--full", action="store_true", help="show texts in full")
    return parser.parse_args(argv)


def _tell(query: Query, root: Path, *, is_full: bool) -> int:
    """Search, and print the story, a list, or what is close."""
    copies: dict[str, list[Copy]] = {}
    for copy in _copies(root):
        if query.matches(copy.question):
            copies.setdefault(copy.question.id, []).append(copy)
    exact = [found for found in copies if found in (query.identity, question_id(query.text))]
    if len(copies) == 1 or exact:
        found = exact[0] if exact else next(iter(copies))
        print(render_story(read_story(root, found), is_full=is_full))
        return 0
    if copies:
        print(render_list([group[0].question for group in copies.values()], _rows_of(root, set(copies))))
        return 0
    refusals = [row for row in _rows(root / REFUSED, Refusal) if query.matches_refusal(row)]
    if refusals:
        print(render_refusals(refusals))
        return 0
    held_out = [item for path in (BENCHMARKS, HELD_OUT) for item in _rows(root / path, Question) if query.matches(item)]
    close = find_close(query, iterate_jsonl(root / QUESTIONS, Question), num=_NUM_CLOSE)
    print(render_close(query.text, close, held_out), file=sys.stderr)
    return EXIT_FAILED


def _copies(root: Path) -> Iterator[Copy]:
    """Every collected question with its decision, where ``curate`` has run."""
    questions = iterate_jsonl(root / QUESTIONS, Question)
    if not (root / CURATE_DECISIONS).is_file():
        yield from (Copy(question, None) for question in questions)
        return
    decisions = iterate_jsonl(root / CURATE_DECISIONS, Decision)
    for question, decision in zip(questions, decisions, strict=True):
        yield Copy(question, decision)


def read_story(root: Path, identity: str) -> Story:
    """Everything that a run's files hold about one question.

    Args:
        root: the run's folder.
        identity: id of a question that was collected there.

    Raises:
        ArtifactError: a file is damaged.
    """
    others = sorted((root / OTHER_SELECTIONS).glob("*.jsonl"))
    return Story(
        question_id=identity,
        copies=[copy for copy in _copies(root) if copy.question.id == identity],
        ran=frozenset(name for name, path in STAGES.items() if (root / path).is_file()),
        difficulty=_first(_rows(root / DIFFICULTY, Decision, identity)),
        attempts=list(_rows(root / ATTEMPTS, Attempt, identity)),
        trace=_first(_rows(root / TRACES, Trace, identity)),
        label=_first(_rows(root / DOMAINS, DomainLabel, identity)),
        rows=list(_rows(root / LEDGER, LedgerRow, identity)),
        selected=_first(_rows(root / SELECTION, SelectedQuestion, identity)),
        others=[path.stem for path in others if _first(_rows(path, SelectedQuestion, identity))],
    )


def _rows_of(root: Path, ids: set[str]) -> dict[str, LedgerRow]:
    """The deciding ledger rows of several questions."""
    rows = [row for row in _rows(root / LEDGER, LedgerRow) if row.question_id in ids]
    return {row.question_id: row for row in sorted(rows, key=lambda row: row.reason != "duplicate")}


def _rows(path: Path, kind: type[RowT], identity: str | None = None) -> Iterator[RowT]:
    """Rows of a file that may not be there; with an id only those of a question, the others unparsed."""
    if not path.is_file():
        return
    if identity is None:
        yield from iterate_jsonl(path, kind)
        return
    check_file(path)
    mark = f'"question_id":"{identity}"'
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if mark in line:
                yield kind.model_validate_json(line)


def _first(rows: Iterable[RowT]) -> RowT | None:
    return next(iter(rows), None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
