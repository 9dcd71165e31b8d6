"""Both decontamination rules against the verdicts of a reader: what they remove rightly, and what they miss.

Reads the pool and the benchmarks that a profile names, runs both rules, and joins what they remove with the verdicts
in ``bench/labels``. Prints the tables of ``docs/decontamination-evidence.md``; ``--show`` prints verdicts beside both
texts instead, for whoever wants to judge again, ``--unread`` what a changed rule removes and nobody has judged.
Benchmarks known by hashes only have no text to show.

Example::

    python -m bench.decontamination_evidence            # S1_DATA names the data folder
    python -m bench.decontamination_evidence --show copy variant
"""

import argparse
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.decontamination_audit import PairSet, agreement_rows, pair_sets
from bench.decontamination_labels import VERDICTS, Label, PairLabel, Verdict, read_labels
from bench.decontamination_plants import CHANGES
from bench.decontamination_shares import Read, estimate_share
from s1.config import Decontamination, DistinctiveRule, NgramRule, Params
from s1.config.loading import load_params
from s1.decontamination import Overlap, Rule, build_rule
from s1.records import HashedItem, Question
from s1.sources import Locate, read_hashes, read_source
from s1.sources.manifest import resolve

LABELS = Path(__file__).parent / "labels"
RULES: Mapping[str, Decontamination] = {
    "ngram8": NgramRule(rule="ngram", size=8),
    "distinctive": DistinctiveRule(rule="distinctive"),
}
COPIES: tuple[Verdict, ...] = ("copy",)
COPIES_AND_VARIANTS: tuple[Verdict, ...] = ("copy", "variant")

Removals = Mapping[str, Overlap]
"""By question id."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What is searched, and for what."""

    texts: dict[str, str]
    """Distinct questions by id."""
    benchmarks: list[Question]
    hashed: list[HashedItem]


def read_pool(params: Params, *, locate: Locate) -> Pool:
    """Everything that a profile collects; rows that are no questions are left out.

    Raises:
        SourceError: a source cannot be read.
    """
    texts: dict[str, str] = {}
    for source in params.collect.sources:
        for item in read_source(source, seed=params.seed, locate=locate):
            if isinstance(item, Question):
                texts.setdefault(item.id, item.question)
    benchmarks: list[Question] = []
    hashed: list[HashedItem] = []
    for held_out in (*params.collect.benchmarks, *params.collect.held_out):
        if held_out.kind == "hashes":
            rows = read_hashes(held_out.path, name=held_out.name, locate=locate)
            hashed += (row for row in rows if isinstance(row, HashedItem))
        else:
            items = read_source(held_out, seed=params.seed, for_benchmark=True, locate=locate)
            benchmarks += (item for item in items if isinstance(item, Question))
    return Pool(texts, benchmarks, hashed)


def search(pool: Pool, rule: Rule) -> dict[str, Overlap]:
    """What a rule removes from the pool, after it has seen all of it."""
    for text in pool.texts.values():
        rule.observe(text)
    found = {identity: rule.find(text) for identity, text in pool.texts.items()}
    return {identity: overlap for identity, overlap in found.items() if overlap is not None}


def read_rows(labels: Sequence[Label]) -> list[list[str]]:
    """How many verdicts there are, by what found the question."""
    counts = Counter((label.found_by, label.verdict) for label in labels)
    finders = list(dict.fromkeys(label.found_by for label in labels))
    rows = [(finder, [counts[finder, verdict] for verdict in VERDICTS]) for finder in finders]
    return [[finder, *map(str, cells), str(sum(cells))] for finder, cells in rows]


def precision_rows(labels: Sequence[Label], removals: Mapping[str, Removals]) -> list[list[str]]:
    """Per rule: what it removes, how much of that was read, and how much of it is right."""
    rows = []
    for name, removed in removals.items():
        others = {identity for identity, overlap in removed.items() if overlap.kind != "exact"}
        judged = [label for label in labels if label.question_id in others]
        stood_for = sum(label.weight for label in judged)
        rows.append(
            [
                name,
                f"{len(removed):,}",
                f"{len(removed) - len(others):,}",
                f"{len(others):,}",
                f"{len(judged):,} for {stood_for:,.0f}",
                _share(judged, COPIES),
                _share(judged, COPIES_AND_VARIANTS),
                _share_of_all(judged, num_same=len(removed) - len(others)),
            ]
        )
    return rows


def verdict_rows(labels: Sequence[Label], removals: Mapping[str, Removals]) -> list[list[str]]:
    """Per rule: how many of the read ones have which verdict, and how many removals those stand for."""
    rows = []
    for name, removed in removals.items():
        judged = [label for label in labels if label.question_id in removed]
        cells = [[label for label in judged if label.verdict == verdict] for verdict in VERDICTS]
        rows.append([name, *(f"{len(cell)} for {sum(label.weight for label in cell):,.0f}" for cell in cells)])
    return rows


def recall_rows(labels: Sequence[Label], removals: Mapping[str, Removals]) -> list[list[str]]:
    """Per rule and verdict: how many of all that were judged so it removes, by how they were found."""
    groups: dict[str, Callable[[Label], bool]] = {
        "removed by ngram8": lambda label: label.found_by == "ngram8",
        "similar, not removed by ngram8": lambda label: label.found_by != "ngram8",
        "all": lambda _label: True,
    }
    rows = []
    for verdict in COPIES_AND_VARIANTS:
        for group, belongs in groups.items():
            chosen = [label for label in labels if label.verdict == verdict and belongs(label)]
            cells = [f"{sum(label.question_id in removed for label in chosen)}" for removed in removals.values()]
            rows.append([verdict, group, str(len(chosen)), *cells])
    for verdicts, title in ((COPIES, "copy"), (COPIES_AND_VARIANTS, "copy or variant")):
        chosen = [label for label in labels if label.verdict in verdicts]
        total = f"{sum(label.weight for label in chosen):,.0f}"
        shares = [_found(chosen, removed) for removed in removals.values()]
        rows.append([title, "all, each for what it stands for", total, *shares])
    return rows


def pair_rows(sets: Iterable[PairSet], rules: Mapping[str, Rule]) -> list[list[str]]:
    """Per set of pairs and rule: how many training questions the rule would remove."""
    return [
        [
            pairs.about,
            str(len(pairs.texts)),
            *(str(sum(rule.find(text) is not None for text in pairs.texts)) for rule in rules.values()),
        ]
        for pairs in sets
    ]


def planted_rows(benchmarks: Iterable[Question], rules: Mapping[str, Rule]) -> list[list[str]]:
    """Per change: how many benchmark questions that it does change would be removed in their changed form."""
    texts = {question.id: question.question for question in benchmarks}.values()
    rows = []
    for name, change in CHANGES.items():
        changed = [change(text) for text in texts if name == "verbatim" or change(text) != text]
        found = (sum(rule.find(text) is not None for text in changed) for rule in rules.values())
        rows.append([name, str(len(changed)), *(f"{100 * num / max(len(changed), 1):.1f}%" for num in found)])
    return rows


def missed_rows(labels: Sequence[Label], removals: Mapping[str, Removals]) -> list[list[str]]:
    """Copies that a rule does not remove."""
    return [
        [name, label.question_id, f"{label.benchmark} {label.item_id}", label.reason]
        for name, removed in removals.items()
        for label in labels
        if label.verdict == "copy" and label.question_id not in removed
    ]


def _share(labels: Iterable[Label], good: Sequence[Verdict]) -> str:
    return str(estimate_share(Read(label.stratum, label.weight, label.verdict in good) for label in labels) or "none")


def _share_of_all(judged: Sequence[Label], *, num_same: int) -> str:
    """Copies and variants among all removals; the same text is a copy that needs no reader."""
    right = math.fsum(label.weight for label in judged if label.verdict in COPIES_AND_VARIANTS)
    total = math.fsum(label.weight for label in judged)
    return f"{100 * (num_same + right) / max(num_same + total, 1):.1f}%"


def _found(labels: Iterable[Label], removed: Removals) -> str:
    reads = (Read(label.stratum, label.weight, label.question_id in removed) for label in labels)
    estimate = estimate_share(reads)
    return "none" if estimate is None else f"{100 * estimate.share:.1f}%"


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One table in Markdown, with its title above."""
    print(f"\n{title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")


def print_evidence(pool: Pool, labels: Sequence[Label], *, audit: Path, pair_labels: Sequence[PairLabel]) -> None:
    """All tables.

    Raises:
        LabelError: the audit's files are not those that the pair verdicts are about.
    """
    rules = {name: build_rule(params, benchmarks=pool.benchmarks, hashed=pool.hashed) for name, params in RULES.items()}
    removals = {name: search(pool, rule) for name, rule in rules.items()}
    known = [label for label in labels if label.question_id in pool.texts]
    print(
        f"{len(pool.texts):,} distinct questions, {len(pool.benchmarks)} benchmark questions, {len(pool.hashed)} "
        f"hashed; {len(known)} verdicts ({len(labels) - len(known)} more are of questions that this pool lacks)"
    )
    print_table("What was read", ["found by", *VERDICTS, "all"], read_rows(known))
    head = ["rule", "removed", "same text", "others", "read", "copies", "copies and variants", "same text included"]
    print_table("Precision: of the others that a rule removes, how many are", head, precision_rows(known, removals))
    print_table("Verdicts on what a rule removes", ["rule", *VERDICTS], verdict_rows(known, removals))
    print_table("Found again", ["verdict", "found", "n", *rules], recall_rows(known, removals))
    print_table("Copies that a rule leaves in", ["rule", "question", "item", "what"], missed_rows(known, removals))
    print_table("Planted", ["change", "n", *rules], planted_rows(pool.benchmarks, rules))
    sets = pair_sets(audit, pair_labels)
    print_table("Pairs of contamination_audit", ["pairs", "n", *rules], pair_rows(sets, rules))
    print_table("Their verdicts and ours on the same pairs", ["theirs", *VERDICTS], agreement_rows(audit, known))


def print_pairs(pool: Pool, labels: Iterable[Label], verdicts: Sequence[str], *, num_characters: int = 400) -> None:
    """Verdicts with both texts."""
    items = {item.id: item.question for item in pool.benchmarks}
    shorten = partial(_first, num_characters=num_characters)
    for label in labels:
        if label.verdict in verdicts and label.question_id in pool.texts:
            print(f"{label.verdict} ({label.found_by}, {label.stratum}): {label.reason}")
            print(f"  {label.source} {label.question_id}: {shorten(pool.texts[label.question_id])}")
            print(f"  {label.benchmark} {label.item_id}: {shorten(items.get(label.item_id, '(hashed)'))}\n")


def print_unread(pool: Pool, labels: Iterable[Label], *, num_characters: int = 400) -> None:
    """What the distinctive rule removes without being the same text, and nobody has read."""
    items = {item.id: item.question for item in pool.benchmarks}
    read = {label.question_id for label in labels}
    rule = build_rule(RULES["distinctive"], benchmarks=pool.benchmarks, hashed=pool.hashed)
    for identity, overlap in search(pool, rule).items():
        if overlap.kind != "exact" and identity not in read:
            print(f"{identity}: {_first(pool.texts[identity], num_characters=num_characters)}")
            item = items.get(overlap.item_id, "(hashed)")
            print(f"  {overlap.benchmark} {overlap.item_id}: {_first(item, num_characters=num_characters)}\n")


def _first(text: str, *, num_characters: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= num_characters else f"{line[:num_characters]} ..."


def main() -> None:
    """Read, search, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("S1_DATA"), help="data folder; S1_DATA")
    parser.add_argument("--profile", type=Path, default=Path("profiles/open.yaml"), help="pool and benchmarks")
    parser.add_argument("--show", nargs="+", choices=VERDICTS, help="print these verdicts with both texts instead")
    parser.add_argument(
        "--unread", action="store_true", help="print what distinctive removes and has no verdict instead"
    )
    options = parser.parse_args()
    if options.data is None or not Path(options.data).is_dir():
        parser.error("name the data folder with --data or S1_DATA")
    locate = partial(resolve, data_folder=options.data)
    pool = read_pool(load_params(options.profile), locate=locate)
    labels = read_labels(LABELS / "decontamination.jsonl", Label)
    if options.show:
        print_pairs(pool, labels, options.show)
        return
    if options.unread:
        print_unread(pool, labels)
        return
    audit = options.data / "contamination_audit"
    print_evidence(pool, labels, audit=audit, pair_labels=read_labels(LABELS / "audit.jsonl", PairLabel))


if __name__ == "__main__":
    main()
