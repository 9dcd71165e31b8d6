"""Compares selections: two runs', two recipes', one recipe's over seeds, or ours with the real s1K.

A selection is named by its run (a folder, a git revision or a DVC experiment; ``.`` is this checkout), with
``:NAME`` behind it for one of ``select.others``. Knows where a run's files lie; compares nothing itself
(``s1.selection.comparison``, ``s1.selection.reference``).

Example::

    python -m flows.selections main my-experiment
    python -m flows.selections . .:random-1000
    python -m flows.selections . --seeds 5
    python -m flows.selections . --s1k $S1_DATA/s1k/s1k.json.gz
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.selections_text import render_comparison, render_reference, render_stability
from infra.failures import EXIT_FAILED, explain
from infra.revisions import bring_files
from infra.settings import archive_folder
from s1.artifacts import iterate_jsonl
from s1.config import Params, load_params
from s1.decisions import LedgerRow
from s1.records import Question, SelectedQuestion, question_id
from s1.selection.comparison import Lengths, Taken, compare_selections, stability_of
from s1.selection.pool import build_pool
from s1.selection.recipes import Draw, draw
from s1.selection.reference import ReferenceQuestion, match_reference
from s1.tokens import load_token_counter
from tasks.paths import CURATED, DIFFICULTY, DOMAINS, LARGE_MODEL, LEDGER, OTHER_SELECTIONS, SELECTION, TRACES
from tasks.pooling import AnswerJudge, main_entry, other_entry, params_of, read_material

PARAMS = Path("params.yaml")
_MADE_OF = (PARAMS, CURATED.parent, DIFFICULTY.parent, TRACES.parent, DOMAINS.parent, LARGE_MODEL)
"""What a selection is drawn from again."""


@dataclass(frozen=True, slots=True)
class Named:
    """One selection as it was asked for."""

    label: str
    run: str
    other: str | None
    """Name in ``select.others``; None for the one that is trained on."""

    @property
    def file(self) -> Path:
        """Where its rows lie in its run."""
        return SELECTION if self.other is None else OTHER_SELECTIONS / f"{self.other}.jsonl"


def main(argv: Sequence[str]) -> int:
    """Compare and print; return the exit code: 0 whatever the result is."""
    arguments = _parse(argv)
    try:
        with ExitStack() as stack:
            names = [_name(text) for text in (arguments.first, arguments.second) if text]
            scratch = [Path(stack.enter_context(TemporaryDirectory())) for _ in names]
            needed = _needed(arguments)
            roots = [bring_files(name.run, needed, into=into) for name, into in zip(names, scratch, strict=True)]
            print("\n\n".join(_compare(arguments, names, roots)))
    except (OSError, ValueError) as error:
        print(f"selections: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.selections", description="Compare selections.")
    kinds = "a folder, a git revision or a DVC experiment (. is this checkout), :NAME behind it for another selection"
    parser.add_argument("first", metavar="FIRST", help=kinds)
    parser.add_argument("second", nargs="?", default="", metavar="SECOND", help="the same")
    parser.add_argument("--seeds", type=int, metavar="N", help="draw FIRST again with N seeds and tell what stays")
    parser.add_argument("--s1k", metavar="FILE", help="compare FIRST with the real s1K: a file with its questions")
    arguments = parser.parse_args(argv)
    if arguments.seeds is not None and arguments.seeds < 2:
        parser.error("--seeds needs at least 2: one draw has nothing to be compared with")
    if not arguments.second and arguments.seeds is None and arguments.s1k is None:
        parser.error("name a second selection, or ask for --seeds N or --s1k FILE")
    return arguments


def _name(text: str) -> Named:
    run, mark, other = text.rpartition(":")
    return Named(text, run, other) if mark and run else Named(text, text, None)


def _needed(arguments: argparse.Namespace) -> list[Path]:
    needed = [SELECTION.parent]
    if arguments.seeds is not None:
        needed += _MADE_OF
    if arguments.s1k is not None:
        needed += [PARAMS, CURATED.parent]
    return list(dict.fromkeys(needed))


def _compare(arguments: argparse.Namespace, names: Sequence[Named], roots: Sequence[Path]) -> list[str]:
    """The parts that were asked for, as text."""
    rows = [_read(root, name) for root, name in zip(roots, names, strict=True)]
    parts: list[str] = []
    if arguments.second:
        first, second = ([Taken.of(row) for row in selection] for selection in rows)
        parts.append(render_comparison(compare_selections(first, second), first=names[0].label, second=names[1].label))
    if arguments.seeds is not None:
        parts.append(_over_seeds(roots[0], names[0], num=arguments.seeds))
    if arguments.s1k is not None:
        parts.append(_with_reference(roots[0], names[0], rows[0], Path(arguments.s1k)))
    return parts


def _read(root: Path, name: Named) -> list[SelectedQuestion]:
    """The rows of a selection, without their thinking: comparing needs only whether there is any."""
    path = root / name.file
    if name.other is not None and not path.is_file():
        known = sorted(found.stem for found in (root / OTHER_SELECTIONS).glob("*.jsonl"))
        raise ValueError(f"{name.run} has no other selection {name.other!r}; it has {known} (select.others)")
    return [
        row.model_copy(update={"thinking": "…" if row.thinking else ""})
        for row in iterate_jsonl(path, SelectedQuestion)
    ]


def _over_seeds(root: Path, name: Named, *, num: int) -> str:
    """Draw again from the finished pool, with the run's seed and those after it."""
    params = load_params(root / PARAMS)
    select, entry = params.select, main_entry(params.select)
    if name.other is not None:
        found = next((other for other in params.select.others if other.name == name.other), None)
        if found is None:
            raise ValueError(f"select.others of {name.run} has no {name.other!r}; it has {_names(params)}")
        select, entry = params_of(found, params.select), other_entry(found)
    material = read_material(params.select, count_tokens=load_token_counter(root / LARGE_MODEL), root=root)
    pool = build_pool(material, entry)
    judge = AnswerJudge(lambda _: None)
    draws = [
        draw(pool.candidates, params=select, seed=seed, judge=judge) for seed in range(params.seed, params.seed + num)
    ]
    taken = [{pick.candidate.question.id for pick in drawn.picks} for drawn in draws]
    first = _taken(draws[0])
    shifts = [compare_selections(first, _taken(drawn)).domains.distance for drawn in draws[1:]]
    always = set.intersection(*taken)
    stable = [pick.reason for pick in draws[0].picks if pick.candidate.question.id in always]
    return render_stability(
        stability_of(taken), label=name.label, first_seed=params.seed, stable_reasons=stable, domain_shifts=shifts
    )


def _names(params: Params) -> list[str]:
    return [other.name for other in params.select.others]


def _taken(drawn: Draw) -> list[Taken]:
    return [
        Taken(
            question_id=pick.candidate.question.id,
            domain=pick.candidate.domain,
            source=pick.candidate.question.source,
            num_characters=len(pick.candidate.question.question),
            trace_length=None if pick.candidate.answer is None else pick.candidate.trace_length,
        )
        for pick in drawn.picks
    ]


def _with_reference(root: Path, name: Named, rows: Sequence[SelectedQuestion], path: Path) -> str:
    """Ours beside the real s1K, whose domains our own classifier finds."""
    from s1.classification.building import build_classifier

    theirs = read_reference(path)
    params = load_params(root / PARAMS)
    classifier = build_classifier(params.classify.classifier, archive_folder=archive_folder(Path.cwd()))
    verdicts = classifier.classify([item.question for item in theirs]).verdicts
    reference = [
        Taken(item.question_id, verdict.domain, "s1K", len(item.question), None)
        for item, verdict in zip(theirs, verdicts, strict=True)
    ]
    ours = [Taken.of(row) for row in rows]
    ledger = iterate_jsonl(root / LEDGER, LedgerRow) if (root / LEDGER).is_file() else ()
    match = match_reference({row.question_id: row.question for row in rows}, theirs, ledger)
    ids = {row.question_id for row in rows}
    solutions = [len(row.solution) for row in iterate_jsonl(root / CURATED, Question) if row.id in ids and row.solution]
    return render_reference(
        compare_selections(ours, reference),
        match,
        label=name.label,
        classifier=classifier.name,
        solutions=(Lengths.of(solutions), Lengths.of([len(item.solution) for item in theirs if item.solution])),
    )


def read_reference(path: Path) -> list[ReferenceQuestion]:
    """The questions of the real s1K, each text once.

    Args:
        path: rows with ``problem`` or ``question``, and ``solution`` where there is one, in any format of
            ``s1.sources.formats``.

    Raises:
        ValueError: the file cannot be read, or holds no such row.
    """
    from s1.sources.formats import BadRow, read_raw

    if not path.is_file():
        raise ValueError(
            f"{path} is no file; --s1k names the file with s1K's questions, such as $S1_DATA/s1k/s1k.json.gz"
        )
    found: dict[str, ReferenceQuestion] = {}
    for row in read_raw(path, shown=str(path)):
        if isinstance(row, BadRow):
            raise ValueError(f"{row.file}, line {row.line}: {row.reason}: {row.detail}. Mend or get the file again.")
        text = row.values.get("problem", row.values.get("question"))
        if isinstance(text, str) and text.strip():
            solution = row.values.get("solution")
            identity = question_id(text)
            found[identity] = ReferenceQuestion(identity, text, solution if isinstance(solution, str) else "")
    if not found:
        raise ValueError(f"{path} holds no row with `problem` or `question`; name the file with s1K's questions")
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
