"""Makes ``dvc plots`` work without a network, and draws the plots of this checkout and of the revisions named.

DVC's page loads its drawing library from the internet. This writes a page template that carries the library
(``vl-convert-python`` packages it) and forbids any other connection, and names the template in ``.dvc/config.local``:
from then on plain ``dvc plots show`` and ``dvc plots diff`` use it. What is drawn stands in ``dvc.yaml``.

Example::

    python -m flows.plots --prepare             # what `make install` does: the template only
    python -m flows.plots main wider-budgets    # dvc_plots/index.html compares two revisions
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.failures import EXIT_FAILED, explain
from infra.settings import STATE_FOLDER, quiet_environment
from s1.artifacts import write_text_atomically

TEMPLATE = STATE_FOLDER / "plots" / "page.html"
PAGE = Path("dvc_plots/index.html")
VEGA_LITE_VERSION = "5.21"
"""DVC's plot templates are written in Vega-Lite 5."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' data:;
 script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'">
{refresh_tag}
<title>DVC plots</title>
<style>body { font: 15px system-ui, sans-serif; margin: 2em; } table { border-spacing: 15px; }</style>
<script>LIBRARY</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def main(argv: Sequence[str]) -> int:
    """Prepare the template and draw; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.plots", description="Draw the plots of dvc.yaml, offline.")
    parser.add_argument("revisions", nargs="*", metavar="REVISION", help="experiments, branches, commits to compare")
    parser.add_argument("--prepare", action="store_true", help="only make the template that `dvc plots` uses")
    arguments = parser.parse_args(argv)
    try:
        prepare()
        return 0 if arguments.prepare else _draw(arguments.revisions)
    except (OSError, ValueError) as error:
        print(f"plots: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED


def prepare() -> None:
    """Write the template, and name it in the checkout's own DVC configuration, which git does not track."""
    if not TEMPLATE.is_file():
        write_text_atomically(TEMPLATE, render_template())
    # The whole path, because workspaces take this configuration over.
    if _dvc("config", "--local", "plots.html_template", str(TEMPLATE.absolute())) != 0:
        raise ValueError(f"DVC did not take {TEMPLATE} as its page; what it said stands above")


def render_template() -> str:
    """The page template: DVC fills in ``{refresh_tag}`` and ``{plot_divs}``, and finds no place for its links."""
    import vl_convert

    library: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE_VERSION)
    return _PAGE.replace("LIBRARY", library.replace("</script", "<\\/script"))


def _draw(revisions: Sequence[str]) -> int:
    done = _dvc("plots", *(("diff", *revisions) if revisions else ("show",)), "--out", str(PAGE.parent))
    if done == 0:
        print(f"Plots: {PAGE.absolute()}")
    return done


def _dvc(*arguments: str) -> int:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, env=quiet_environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
