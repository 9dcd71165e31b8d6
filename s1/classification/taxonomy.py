"""The 61 domains of questions: 48 classes of the Mathematics Subject Classification, and 13 further fields.

The paper classifies by the Mathematics Subject Classification, which has classes for other sciences too (section 2.2,
"Diversity"); its code knows 61 two-digit codes. Codes and titles of the 48 are MSC2020's (msc2020.org, titles
shortened): all of it but 15 research fields that no question source touches. The 13 further fields, those of MMLU's and
AGIEval's subjects, have codes that MSC2020 does not use. The table is ``taxonomy.csv``; this module classifies nothing.

Example::

    DOMAINS["51"].name          # '51 Geometry'
"""

import csv
from dataclasses import dataclass
from pathlib import Path

UNKNOWN_DOMAIN = "unknown"
"""What questions are labelled that fit no domain."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One class of questions."""

    code: str
    """Two digits."""
    title: str
    description: str
    """What belongs to it: for a language model's prompt, and for the local classifier's training."""

    @property
    def name(self) -> str:
        """What labels, figures and tables call it."""
        return f"{self.code} {self.title}"


def _read_table() -> dict[str, Domain]:
    with (Path(__file__).parent / "taxonomy.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["code"])
    return {row["code"]: Domain(**row) for row in rows}


DOMAINS = _read_table()
"""By code, in the codes' order."""
