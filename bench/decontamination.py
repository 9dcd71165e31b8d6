"""Recall of both decontamination rules on planted copies and audited pairs, and what they remove from a collected pool.

Reads what ``collect`` wrote and prints the tables of ``docs/decontamination.md``. Precision is another program's:
``bench.decontamination_evidence`` compares removals with the verdicts of readers.

Example::

    python -m bench.decontamination --collect data/collect --audit "$S1_DATA/contamination_audit"
"""

import argparse
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.decontamination_changes import CHANGES
from s1.artifacts import iterate_jsonl, read_jsonl
from s1.config import Decontamination, DistinctiveRule, NgramRule
from s1.decontamination import Overlap, Rule, build_rule
from s1.decontamination.hashed import hash_ngrams
from s1.records import HashedItem, Question, normalize_text

RULES: dict[str, Decontamination] = {
    "ngram8": NgramRule(rule="ngram", size=8),
    "distinctive": DistinctiveRule(rule="distinctive"),
}
_AUDIT_PREFIX = "Return your final response within \\boxed{}."
"""What one of the audited data sets has before every question."""


def learn(rule: Rule, pool: Path) -> dict[str, Overlap]:
    """Show a rule the pool; what it finds in it, by question id."""
    touched: dict[str, str] = {}
    seen: set[str] = set()
    for question in iterate_jsonl(pool, Question):
        if question.id not in seen:
            seen.add(question.id)
            if rule.observe(question.question):
                touched[question.id] = question.question
    found = {identity: rule.find(text) for identity, text in touched.items()}
    return {identity: overlap for identity, overlap in found.items() if overlap is not None}


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A Markdown table."""
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'|'.join('---' for _ in head)}|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def print_planted(rules: dict[str, Rule], benchmarks: Sequence[Question]) -> None:
    """Found copies by change and benchmark."""
    names = list(dict.fromkeys(question.source for question in benchmarks))
    rows: list[list[object]] = []
    for change, apply in CHANGES.items():
        row: list[object] = [change]
        for benchmark in names:
            items = [question for question in benchmarks if question.source == benchmark]
            for rule in rules.values():
                row.append(f"{sum(rule.find(apply(item.question)) is not None for item in items)}/{len(items)}")
        rows.append(row)
    head = ["planted", *(f"{benchmark}, {rule}" for benchmark in names for rule in rules)]
    print_table("Recall on planted copies", head, rows)


def print_hashed(benchmarks: Sequence[Question], pool: Path, items: Sequence[HashedItem]) -> None:
    """The same where only hashes are known, on benchmarks whose text is known: hashed for the purpose."""
    rules = {name: build_rule(params, benchmarks=[], hashed=items) for name, params in RULES.items()}
    for rule in rules.values():
        learn(rule, pool)
    rows: list[list[object]] = []
    for change, apply in CHANGES.items():
        numbers = [sum(_finds(rule, apply(item.question)) for item in benchmarks) for rule in rules.values()]
        rows.append([change, *(f"{number}/{len(benchmarks)}" for number in numbers)])
    print_table("Recall on planted copies of benchmarks known by hashes only", ["planted", *rules], rows)


def print_audit(rules: dict[str, Rule], audit: Path) -> None:
    """Audited pairs; the lexical ones were found by shared n-grams, so n-gram rules find them by construction."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in _read_csv(audit / "lexical_contamination_confirmed.csv"):
        groups["lexical, confirmed (found by 8-grams)"].append((row["math500_problem"], row["train_problem"]))
    for row in _read_csv(audit / "csem_annotation.csv"):
        verdict = {"Y": "contaminated", "N": "not contaminated", "?": "undecided"}.get(row["human_verdict"], "")
        if verdict:
            groups[f"semantic, judged {verdict}"].append((row["math500_problem"], row["train_problem"]))
    rows = [
        [group, len(pairs), *(sum(_finds(rule, train) for _, train in pairs) for rule in rules.values())]
        for group, pairs in groups.items()
    ]
    print_table("Audited pairs with MATH500 found as overlaps", ["pairs", "n", *rules], rows)


def print_removed(found: dict[str, dict[str, Overlap]], pool: Path) -> None:
    """Distinct questions removed by source and by benchmark."""
    sources: dict[str, str] = {}
    for question in iterate_jsonl(pool, Question):
        sources.setdefault(question.id, question.source)
    sizes = Counter(sources.values())
    by_source = {name: Counter(sources[identity] for identity in overlaps) for name, overlaps in found.items()}
    rows = [
        [source, size, *(counts[source] for counts in by_source.values())]
        for source, size in sizes.most_common()
        if any(counts[source] for counts in by_source.values())
    ]
    rows.append(["all sources", len(sources), *(counts.total() for counts in by_source.values())])
    print_table("Distinct questions removed, by source", ["source", "distinct", *found], rows)
    kinds = {name: Counter((o.benchmark, o.kind) for o in overlaps.values()) for name, overlaps in found.items()}
    keys = sorted({key for counts in kinds.values() for key in counts})
    print_table(
        "Distinct questions removed, by benchmark",
        ["benchmark", "kind", *found],
        [[benchmark, kind, *(counts[benchmark, kind] for counts in kinds.values())] for benchmark, kind in keys],
    )


def _finds(rule: Rule, text: str) -> bool:
    return rule.find(text.replace(_AUDIT_PREFIX, "")) is not None


def _read_csv(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--collect", type=Path, default=Path("data/collect"), help="folder that collect wrote")
    parser.add_argument("--audit", type=Path, help="folder contamination_audit; without it, no audited pairs")
    arguments = parser.parse_args()
    pool = arguments.collect / "questions.jsonl"
    benchmarks = read_jsonl(arguments.collect / "benchmarks.jsonl", Question)
    held_out = read_jsonl(arguments.collect / "held_out.jsonl", Question)
    hashed = read_jsonl(arguments.collect / "hashed.jsonl", HashedItem)
    rules: dict[str, Rule] = {
        name: build_rule(params, benchmarks=[*benchmarks, *held_out], hashed=hashed) for name, params in RULES.items()
    }
    found = {name: learn(rule, pool) for name, rule in rules.items()}
    print_planted(rules, benchmarks)
    print_hashed(benchmarks, pool, [hash_item(question) for question in benchmarks])
    if arguments.audit is not None:
        print_audit(rules, arguments.audit)
    print_removed(found, pool)


def hash_item(question: Question) -> HashedItem:
    """A benchmark question as hashes of its 8-grams, as GPQA comes."""
    text = normalize_text(question.question)
    return HashedItem(
        benchmark=question.source, item_id=question.id, num_words=len(text.split()), ngrams=hash_ngrams(text)
    )


if __name__ == "__main__":
    main()
