"""Compares two runs: ``python -m flows.compare FIRST SECOND``, what ``make compare`` does.

A run is a folder (``.`` for this checkout, another checkout, a workspace under ``.s1/workspaces``), a git revision, or
a DVC experiment by its name. Printed are what differs in how they were made, a paired comparison of every point that
both have, and where their tokens part. Knows where a run's files lie; compares nothing itself (``s1.comparing``).

Example::

    python -m flows.compare main wider-budgets
    python -m flows.compare HEAD . --setting max-64
    python -m flows.compare ../other-checkout . --question 1f0c2a…
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.comparison_text import render_comparison, render_question
from infra.failures import EXIT_FAILED, explain
from infra.revisions import RevisionError, bring_files
from s1.artifacts import ArtifactError, JsonlIndex, iterate_jsonl, read_jsonl
from s1.comparing.comparison import RunRecords, compare_runs
from s1.comparing.divergence import Agreement, DecodeToken, Place, pair_up
from s1.comparing.identity import RunIdentity, read_run_identity
from s1.not_run import is_marked
from s1.records import Generation, Score
from tasks.paths import GENERATIONS, RUN_IDENTITY, SCORES, TUNED_MODEL

_NEEDED = (GENERATIONS.parent, SCORES.parent)
_TOKENIZER = TUNED_MODEL / "tokenizer.json"


def main(argv: Sequence[str]) -> int:
    """Compare and print; return the exit code: 0 whatever the result is."""
    arguments = _parse(argv)
    try:
        with ExitStack() as stack:
            folders = [
                bring_files(name, _NEEDED, into=Path(stack.enter_context(TemporaryDirectory())), optional=[_TOKENIZER])
                for name in (arguments.first, arguments.second)
            ]
            print(_compare(arguments, folders))
    except (OSError, ValueError) as error:
        print(f"compare: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.compare", description="Compare two runs.")
    kinds = "a folder, a git revision or a DVC experiment; . is this checkout"
    parser.add_argument("first", metavar="FIRST", help=kinds)
    parser.add_argument("second", metavar="SECOND", help="the same")
    parser.add_argument("--benchmark", metavar="NAME", help="only this benchmark")
    parser.add_argument("--setting", metavar="NAME", help="only this setting (max-64, wait-2, direct), in full")
    parser.add_argument("--question", metavar="ID", help="where the tokens part on this question")
    parser.add_argument("--resamples", type=int, default=10_000, metavar="N", help="bootstrap resamples (10,000)")
    parser.add_argument("--confidence", type=float, default=0.95, metavar="P", help="confidence level (0.95)")
    arguments = parser.parse_args(argv)
    if arguments.resamples < 1 or not 0.5 < arguments.confidence < 1:
        parser.error("--resamples must be at least 1, and --confidence between 0.5 and 1, such as 0.95")
    return arguments


def _compare(arguments: argparse.Namespace, folders: Sequence[Path]) -> str:
    names = (arguments.first, arguments.second)
    first, second = (_read_run(name, folder) for name, folder in zip(names, folders, strict=True))
    comparison = compare_runs(
        first,
        second,
        _pair_up(names, folders),
        num_resamples=arguments.resamples,
        confidence=arguments.confidence,
        seed=0,
        benchmark=arguments.benchmark,
        setting=arguments.setting,
    )
    decode = _load_decoder(folders)
    if arguments.question is not None:
        return render_question(comparison, arguments.question, decode=decode)
    return render_comparison(comparison, decode=decode, setting=arguments.setting)


def _read_run(name: str, folder: Path) -> RunRecords:
    """Everything of one run but its texts."""
    left_out = [path.parent.name for path in (GENERATIONS, SCORES) if is_marked(folder / path.parent)]
    if left_out:
        raise RevisionError(
            f"the run {name} has no answers to compare: its profile leaves out {' and '.join(left_out)} (not_run in "
            "its params.yaml). Two selections are compared by `python -m flows.selections`."
        )
    with _naming(name):
        return RunRecords(
            label=name,
            identity=_read_identity(folder / RUN_IDENTITY),
            scores=read_jsonl(folder / SCORES, Score),
        )


def _pair_up(names: Sequence[str], folders: Sequence[Path]) -> dict[Place, Agreement]:
    """Where tokens part, reading the texts question by question: those of a run may not fit into memory."""
    with _naming(names[1]):
        second = JsonlIndex(folders[1] / GENERATIONS, Generation, key=lambda row: row.key)
    with _naming(names[0]):
        return pair_up(iterate_jsonl(folders[0] / GENERATIONS, Generation), second.get)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors name the run, since its folder may be a temporary copy."""
    try:
        yield
    except ArtifactError as error:
        raise RevisionError(
            f"the run {name} cannot be read: {error} (A run of an older version of this project has other records: "
            "run it again with this version, for example with `dvc exp run --temp`.)"
        ) from error


def _read_identity(path: Path) -> RunIdentity | None:
    return read_run_identity(path) if path.is_file() else None


def _load_decoder(folders: Sequence[Path]) -> DecodeToken | None:
    """Tokens as text, by the first tokenizer that lies there; without one they are shown as ids."""
    for folder in folders:
        if (folder / _TOKENIZER).is_file():
            from tokenizers import Tokenizer

            try:
                decode: Callable[..., str] = Tokenizer.from_file(str(folder / _TOKENIZER)).decode
            except Exception as error:
                print(f"compare: {folder / _TOKENIZER} cannot be read ({error}); texts are shown by another, or as ids")
                continue
            return lambda token_id: decode([token_id], skip_special_tokens=False)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
