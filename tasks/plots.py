"""Rows for ``dvc plots``, safe to be drawn: DVC puts their text into its page as it is, script tags included.

Knows the form that DVC reads; does not know figures. A text's ``<`` becomes its twin ``＜``, without which no text can
begin a tag; everything else stays.

Example::

    write_plot(Path("plots/select/domains.json"), [{"domain": "dials", "num_selected": 100}])
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from s1.artifacts import write_text_atomically

_TWIN = str.maketrans({"<": "\N{FULLWIDTH LESS-THAN SIGN}"})


def write_plot(path: Path, rows: Sequence[Mapping[str, JsonValue]]) -> None:
    """Write the rows of one plot; texts are names and labels, numbers stay as they are."""
    safe = [
        {name: value.translate(_TWIN) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]
    write_text_atomically(path, json.dumps(safe, indent=1) + "\n")
