"""Prints how many questions were left after each step, in our order and in the paper's: ``python -m flows.funnel``.

What our order never asked (whether a question that was too easy has a usable trace) is told as *not asked*. The paper's
figures stand beside ours as references. Knows where figures lie; ``s1.report.funnels`` reads and draws them.

Example::

    python -m flows.funnel
    python -m flows.funnel my-experiment --svg docs/images
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap

from infra.failures import EXIT_FAILED, explain
from infra.revisions import bring_files
from s1.report.funnels import NOTEBOOK, PAPER, SOURCE, Funnel, draw_funnel_image, read_funnels
from tasks.paths import METRICS_FOLDER

FIGURES = METRICS_FOLDER / "select.json"
_WIDTH = 118
_TIED = "\N{NO-BREAK SPACE}"
"""Keeps a reason and its count on one line."""


def main(argv: Sequence[str]) -> int:
    """Print both tables and return the exit code."""
    arguments = _parse(argv)
    try:
        with TemporaryDirectory() as scratch:
            folder = bring_files(arguments.run, [FIGURES], into=Path(scratch))
            funnels = read_funnels(json.loads((folder / FIGURES).read_text(encoding="utf-8")))
        if not funnels:
            raise ValueError(f"{FIGURES} of {arguments.run} has no funnel: its version did not count one. Run `select`")
        print("\n\n".join(render_funnel(funnel) for funnel in funnels))
        for path in [] if arguments.svg is None else _draw(funnels, Path(arguments.svg)):
            print(f"\nwrote {path}")
    except (OSError, ValueError) as error:
        print(f"funnel: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.funnel", description="How many questions were left.")
    parser.add_argument(
        "run", nargs="?", default=".", metavar="RUN", help="a folder, a git revision or a DVC experiment (.)"
    )
    parser.add_argument("--svg", metavar="FOLDER", help="draw both as funnel-ours.svg and funnel-paper.svg there")
    return parser.parse_args(argv)


def _draw(funnels: Sequence[Funnel], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"funnel-{funnel.order}.svg" for funnel in funnels]
    for funnel, path in zip(funnels, paths, strict=True):
        path.write_text(draw_funnel_image(funnel), encoding="utf-8")
    return paths


def render_funnel(funnel: Funnel) -> str:
    """One order as a table for a terminal."""
    is_paper = funnel.order == PAPER
    headings = ["step", "left", *(["not asked"] if is_paper else []), "paper", *(["notebook"] if is_paper else [])]
    rows = [
        [
            step.name,
            f"{step.left:,}",
            *([f"{step.not_asked:,}"] if is_paper else []),
            _amount(step.published),
            *([_amount(step.notebook)] if is_paper else []),
            ", ".join(f"{reason}{_TIED}{count:,}" for reason, count in step.dropped),
        ]
        for step in funnel.steps
    ]
    table = [[*headings, "left out at this step"], *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    notes = [f"paper: {SOURCE}" + (f"; notebook: {NOTEBOOK}" if is_paper else "") + ". Other pool, other models."]
    if is_paper:
        notes.append(
            "not asked: of those left, questions that our order dropped, or never sent on, before it could know."
        )
    return "\n".join([funnel.title, *(line for row in table for line in _lines(row, widths)), *notes])


def _amount(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A row, its last cell wrapped below itself."""
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=True))]
    start = "  ".join(cells)
    wrapped = wrap(row[-1], max(30, _WIDTH - len(start) - 2), break_on_hyphens=False) or [""]
    parts = [part.replace(_TIED, " ") for part in wrapped]
    return [f"{start}  {parts[0]}".rstrip(), *(f"{'':<{len(start)}}  {part}" for part in parts[1:])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
