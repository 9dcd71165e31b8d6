"""The paper's 16 sources by name: where each lies on the hub, which of its rows the paper took, what its columns mean.

From the paper (section 2.1, table 7) and the reference's collection script. Where the two differ the paper counts (AIME
to 2021), and slips are not copied (OlympiadBench's context, AQuA's options). Knows the 16, not how they are loaded
(``s1.sources.hub``).

Example::

    read_pool(PoolSource(kind="pool", name="aime"), seed=0, locate=plain_path)     # from the hub
    read_pool(PoolSource(kind="pool", name="aime", path="/hub"), seed=0, locate=plain_path)    # /hub/qq8933/AIME_..
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from s1.config import PoolSource
from s1.decisions import Refusal
from s1.sources.adapters import Adapter
from s1.sources.adapters.hub_columns import HUB
from s1.sources.adapters.named import gpqa_adapter
from s1.sources.files import Locate, read_rows
from s1.sources.hub import GPQA_DIAMOND, HubPart, load_part
from s1.sources.raw import RawRow
from s1.sources.result import LEFT_OUT, Item, SourceError
from s1.sources.rows import Row

Load = Callable[[HubPart], Iterator[RawRow]]
Keep = Callable[[Row], bool]

LAST_AIME_YEAR = 2021
"""Later years stay out: AIME24 is a benchmark (paper: 1983-2021; the reference's code says 2022)."""
_HARD_LEVELS = ("5", "Level 5")
_NUMINA_SAMPLE = HubPart(repo="simplescaling/numinamath_500", split="train")


def _all(_row: Row) -> bool:
    return True


def _whatever(_load: Load) -> Keep:
    return _all


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEntry:
    """One of the 16."""

    parts: tuple[HubPart, ...]
    adapter: Callable[[int], Adapter]
    """Made from the global seed, which orders the options of GPQA."""
    rule: str = "all rows"
    """What ``keep`` keeps, in words."""
    keep: Callable[[Load], Keep] = _whatever
    """Made from a loader, as some rules are lists on the hub themselves."""


def _parts(repo: str, *splits: str, subsets: tuple[str | None, ...] = (None,)) -> tuple[HubPart, ...]:
    return tuple(HubPart(repo=repo, subset=subset, split=split) for subset in subsets for split in splits)


def _where(test: Keep) -> Callable[[Load], Keep]:
    return lambda _load: test


def _texts(load: Load, part: HubPart, column: str) -> set[str]:
    return {str(row.values.get(column, "")).strip() for row in load(part)}


def _numina(load: Load) -> Keep:
    sampled = _texts(load, _NUMINA_SAMPLE, "problem")
    return lambda row: row.get("source") == "aops_forum" or str(row.get("problem", "")).strip() in sampled


def _not_diamond(load: Load) -> Keep:
    diamond = _texts(load, GPQA_DIAMOND, "Question")
    return lambda row: str(row.get("Question", "")).strip() not in diamond


def _is_text_in_english(row: Row) -> bool:
    return row.get("language") == "EN" and row.get("modality") == "text-only"


def _is_level_5_of_mathematics(row: Row) -> bool:
    """Only AGIEval's MATH part states levels."""
    return row.get("level") is None or str(row["level"]).strip() in _HARD_LEVELS


def _is_early_aime(row: Row) -> bool:
    return str(row.get("Year", "")).isdigit() and int(str(row["Year"])) <= LAST_AIME_YEAR


def _adapter(name: str) -> Callable[[int], Adapter]:
    return lambda _seed: HUB[name]


POOL: dict[str, PoolEntry] = {
    "numinamath": PoolEntry(
        parts=_parts("AI-MO/NuminaMath-CoT", "train"),
        adapter=_adapter("numinamath"),
        rule="source aops_forum, and the 500 others in simplescaling/numinamath_500",
        keep=_numina,
    ),
    "math": PoolEntry(parts=_parts("simplescaling/openaimath", "train"), adapter=_adapter("math")),
    "olympicarena": PoolEntry(
        parts=_parts(
            "GAIR/OlympicArena",
            "test",
            "val",
            subsets=("Math", "Physics", "Chemistry", "Biology", "Geography", "Astronomy", "CS"),
        ),
        adapter=_adapter("olympicarena"),
        rule="language EN, modality text-only",
        keep=_where(_is_text_in_english),
    ),
    "omnimath": PoolEntry(parts=_parts("KbsdJames/Omni-MATH", "test"), adapter=_adapter("omni-math")),
    "agieval": PoolEntry(
        parts=_parts(
            "baber/agieval",
            "test",
            "few_shot",
            subsets=("sat_en", "sat_math", "lsat_ar", "lsat_lr", "lsat_rc", "logiqa", "aqua_rat", "math_agieval"),
        ),
        adapter=_adapter("agieval"),
        rule="of mathematics level 5 only",
        keep=_where(_is_level_5_of_mathematics),
    ),
    "xword": PoolEntry(parts=_parts("0xharib/xword1", "train"), adapter=_adapter("xword")),
    "olympiadbench": PoolEntry(
        parts=_parts(
            "Hothan/OlympiadBench",
            "train",
            subsets=("OE_TO_maths_en_COMP", "OE_TO_physics_en_COMP", "TP_TO_maths_en_COMP", "TP_TO_physics_en_COMP"),
        ),
        adapter=_adapter("olympiadbench"),
    ),
    "aime": PoolEntry(
        parts=_parts("qq8933/AIME_1983_2024", "train"),
        adapter=_adapter("aime"),
        rule=f"years up to {LAST_AIME_YEAR}",
        keep=_where(_is_early_aime),
    ),
    "theoremqa": PoolEntry(
        parts=_parts("TIGER-Lab/TheoremQA", "test"),
        adapter=_adapter("theoremqa"),
        rule="without a picture",
        keep=_where(lambda row: row.get("Picture") is None),
    ),
    "usaco": PoolEntry(parts=_parts("codegenning/usacobench_formatted", "test"), adapter=_adapter("usaco")),
    "jeebench": PoolEntry(parts=_parts("daman1209arora/jeebench", "test"), adapter=_adapter("jeebench")),
    "gpqa": PoolEntry(
        parts=(HubPart(repo=GPQA_DIAMOND.repo, subset="gpqa_extended", split="train"),),
        adapter=gpqa_adapter,
        rule="extended without diamond",
        keep=_not_diamond,
    ),
    "scieval": PoolEntry(
        parts=_parts("OpenDFM/SciEval", "test", "validation"),
        adapter=_adapter("scieval"),
        rule="with an answer",
        keep=_where(lambda row: row.get("answer") is not None),
    ),
    "s1-prob": PoolEntry(parts=_parts("simplescaling/s1-prob", "train"), adapter=_adapter("s1-prob")),
    "s1-teasers": PoolEntry(parts=_parts("simplescaling/s1-teasers", "train"), adapter=_adapter("s1-teasers")),
    "livecodebench": PoolEntry(
        # Its loading script, which datasets no longer runs, reads these files as release_v3; v1 and v2 are parts of it.
        parts=(
            HubPart(
                repo="livecodebench/code_generation_lite",
                split="test",
                files=("test.jsonl", "test2.jsonl", "test3.jsonl"),
            ),
        ),
        adapter=_adapter("livecodebench"),
        rule="difficulty hard",
        keep=_where(lambda row: row.get("difficulty") == "hard"),
    ),
}


def read_pool(source: PoolSource, *, seed: int, locate: Locate) -> Iterator[Item]:
    """Read one of the paper's sources, from the hub or from a folder with its data sets.

    Rows that the paper did not take are refusals with the reason ``left_out``, which are counted and are not bad.

    Raises:
        SourceError: there is no source of that name, or a data set cannot be had.
    """
    if source.name not in POOL:
        raise SourceError(f"the paper's pool has no source {source.name!r}; it has {sorted(POOL)}.")
    entry = POOL[source.name]
    folder = locate(source.path) if source.path is not None else None
    load = partial(_load, source, folder)
    keep = entry.keep(load)
    adapter = entry.adapter(seed)
    for part in entry.parts:
        for row in load(part):
            if keep(row.values):
                yield from read_rows([row], adapter, name=source.name)
            else:
                detail = f"not among those that the paper took: {entry.rule}"
                yield Refusal(source=source.name, file=row.file, line=row.line, reason=LEFT_OUT, detail=detail)


def _load(source: PoolSource, folder: Path | None, part: HubPart) -> Iterator[RawRow]:
    pinned = replace(part, revision=source.revisions.get(part.repo, part.revision))
    return load_part(pinned, name=source.name, folder=folder / part.repo if folder is not None else None)
