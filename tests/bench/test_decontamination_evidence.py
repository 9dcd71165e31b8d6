"""What verdicts say about a decontamination rule: files, estimates and tables, on made-up questions."""

import csv
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from bench.decontamination_audit import agreement_rows, pair_sets
from bench.decontamination_evidence import (
    LABELS,
    Pool,
    missed_rows,
    planted_rows,
    precision_rows,
    print_evidence,
    print_pairs,
    print_unread,
    read_pool,
    read_rows,
    recall_rows,
    search,
    verdict_rows,
)
from bench.decontamination_labels import FoundBy, Label, LabelError, PairLabel, Verdict, read_labels
from bench.decontamination_plants import CHANGES
from s1.config import HashedBenchmark, JsonlSource
from s1.config.loading import load_params
from s1.decontamination import Overlap
from s1.records import Question, question_id
from s1.sources import plain_path
from s1.sources.manifest import resolve

DATA = Path(os.environ.get("S1_DATA", "nowhere"))

TREE = "A tree grows seven leaves in each of nine weeks; how many leaves has it then?"
LAKE = "A lake loses a third of its water each year; after how many years is half of it gone?"


class FindsWord:
    """Removes every text with one word in it, the text ``same`` as an exact one."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.observed: list[str] = []

    def observe(self, text: str) -> bool:
        self.observed.append(text)
        return self.word in text

    def find(self, text: str) -> Overlap | None:
        if self.word not in text:
            return None
        kind = "exact" if text.startswith("same") else "ngram"
        return Overlap(kind=kind, benchmark="bench", item_id="item", shared_text=self.word)  # type: ignore[arg-type]


def label(
    text: str, verdict: Verdict, *, stratum: str = "whole", weight: float = 1, found_by: FoundBy = "ngram8"
) -> Label:
    return Label(
        question_id=question_id(text),
        source="book",
        benchmark="bench",
        item_id="item",
        verdict=verdict,
        reason="made up",
        stratum=stratum,
        weight=weight,
        found_by=found_by,
    )


def removals(texts: Sequence[str], *, word: str) -> dict[str, Overlap]:
    return search(Pool({question_id(text): text for text in texts}, [], []), FindsWord(word))


def test_verdicts_are_counted_by_what_found_the_question() -> None:
    judged = [label("a", "copy"), label("b", "related"), label("c", "copy"), label("d", "variant", found_by="near")]
    assert read_rows(judged) == [["ngram8", "2", "0", "1", "0", "3"], ["near", "0", "1", "0", "0", "1"]]


@pytest.mark.skipif(not DATA.is_dir(), reason="S1_DATA names no data folder")
def test_every_verdict_is_on_a_question_and_an_item_that_profile_open_has() -> None:
    pool = read_pool(load_params(Path("profiles/open.yaml")), locate=partial(resolve, data_folder=DATA))
    labels = read_labels(LABELS / "decontamination.jsonl", Label)
    items = {item.id for item in pool.benchmarks} | {item.item_id for item in pool.hashed}
    assert [found.question_id for found in labels if found.question_id not in pool.texts] == []
    assert [found.item_id for found in labels if found.item_id not in items] == []
    pair_sets(DATA / "contamination_audit", read_labels(LABELS / "audit.jsonl", PairLabel))


def test_precision_counts_the_same_text_apart_and_weighs_the_rest() -> None:
    removed = removals(["same word", "a word", "b word", "c word", "d word"], word="word")
    judged = [
        label("a word", "copy"),
        label("b word", "variant", stratum="drawn", weight=2),
        label("not removed", "copy"),
    ]
    assert precision_rows(judged, {"rule": removed})[0][:5] == ["rule", "5", "1", "4", "2 for 3"]
    copies, copies_and_variants, of_all = precision_rows(judged, {"rule": removed})[0][5:]
    assert copies.startswith("33.3% (")
    assert copies_and_variants.startswith("100.0% (")
    assert of_all == "100.0%"


def test_verdicts_on_removals_are_counted_as_read_and_as_what_they_stand_for() -> None:
    removed = removals(["a word", "b word"], word="word")
    judged = [label("a word", "copy"), label("b word", "boilerplate", weight=8.5), label("c", "related")]
    assert verdict_rows(judged, {"rule": removed}) == [["rule", "1 for 1", "0 for 0", "0 for 0", "1 for 8"]]


def test_recall_is_told_by_verdict_and_by_what_found_them() -> None:
    removed = removals(["a word", "b word"], word="word")
    judged = [
        label("a word", "copy"),
        label("left in", "copy", found_by="near"),
        label("b word", "variant", weight=3),
        label("left too", "variant", found_by="near"),
    ]
    assert recall_rows(judged, {"rule": removed}) == [
        ["copy", "removed by ngram8", "1", "1"],
        ["copy", "similar, not removed by ngram8", "1", "0"],
        ["copy", "all", "2", "1"],
        ["variant", "removed by ngram8", "1", "1"],
        ["variant", "similar, not removed by ngram8", "1", "0"],
        ["variant", "all", "2", "1"],
        ["copy", "all, each for what it stands for", "2", "50.0%"],
        ["copy or variant", "all, each for what it stands for", "6", "66.7%"],
    ]


def test_copies_that_stay_are_listed_and_variants_are_not() -> None:
    judged = [label("a word", "copy"), label("left in", "copy"), label("left too", "variant")]
    assert missed_rows(judged, {"rule": removals(["a word"], word="word")}) == [
        ["rule", question_id("left in"), "bench item", "made up"]
    ]


def test_a_rule_sees_the_whole_pool_before_it_searches() -> None:
    rule = FindsWord("word")
    search(Pool({"1": "a word", "2": "another"}, [], []), rule)
    assert rule.observed == ["a word", "another"]


def write_audit(folder: Path) -> None:
    """The two files of the audit, a pair or two of each kind."""
    confirmed = [("identical", TREE), ("template_variant", "Return your final response within \\boxed{}. " + LAKE)]
    semantic = [("Y", "a word"), ("N", LAKE), ("", "not judged, with word"), ("", TREE)]
    with (folder / "lexical_contamination_confirmed.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("contamination_reason", "train_problem"), *confirmed])
    with (folder / "csem_annotation.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("human_verdict", "train_problem"), *semantic])


def pair_label(pair: int, text: str, verdict: Verdict) -> PairLabel:
    return PairLabel(
        pair=pair, dataset="d", math500_id="m", question_id=question_id(text), verdict=verdict, reason="made up"
    )


def test_pairs_of_the_audit_are_told_apart_by_who_judged_them(tmp_path: Path) -> None:
    write_audit(tmp_path)
    labels = [pair_label(4, TREE, "related"), pair_label(3, "not judged, with word", "copy")]
    assert [(pairs.about, len(pairs.texts)) for pairs in pair_sets(tmp_path, labels)] == [
        ("shared n-grams, confirmed by hand: identical", 1),
        ("shared n-grams, confirmed by hand: template_variant", 1),
        ("similar embedding, judged by hand: contaminated", 1),
        ("similar embedding, judged by hand: not contaminated", 1),
        ("similar embedding, read by us: copy", 1),
        ("similar embedding, read by us: related", 1),
    ]


@pytest.mark.parametrize("pair", [2, 9])
def test_a_verdict_on_a_pair_that_the_file_does_not_have_is_refused(tmp_path: Path, pair: int) -> None:
    write_audit(tmp_path)
    with pytest.raises(LabelError, match=rf"row {pair} of .*csem_annotation\.csv is not the pair"):
        pair_sets(tmp_path, [pair_label(pair, TREE, "copy")])


def test_verdicts_on_the_same_question_are_set_against_theirs_whatever_stands_in_front_of_it(tmp_path: Path) -> None:
    write_audit(tmp_path)
    assert agreement_rows(tmp_path, [label(LAKE, "variant"), label(TREE, "copy")]) == [
        ["identical", "1", "0", "0", "0"],
        ["template_variant", "0", "1", "0", "0"],
        ["not contaminated", "0", "1", "0", "0"],
    ]


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        ("typeset", r"Is $\frac{1}{2} \le x$ so?", r"Is \(\dfrac{1}{2} \leq x\) so?"),
        ("renamed", r"Let $ab + \frac{x}{AB} = e$ and a cat.", r"Let $ab + \frac{h}{LM} = e$ and a cat."),
        ("reworded", "Find each word.", "Determine every word."),
        ("cut", "one two [asy] draw(); [/asy] three four five six seven eight", "one two   three four five"),
        ("renumbered (no copy)", "1 of 9 in 99", "1 of 10 in 100"),
    ],
)
def test_a_change_changes_what_its_name_says(change: str, text: str, expected: str) -> None:
    assert CHANGES[change](text) == expected


def test_a_change_counts_only_where_it_changes_something() -> None:
    with_maths = Question.create(question="Find $x$ word", solution="", source="bench")
    without = Question.create(question="Say yes", solution="", source="bench")
    rows = {row[0]: row[1:] for row in planted_rows([with_maths, without, without], {"rule": FindsWord("word")})}
    assert rows["verbatim"] == ["2", "50.0%"]
    assert rows["renamed"] == ["1", "100.0%"]
    assert rows["cut"] == ["2", "0.0%"]


def small_pool(tmp_path: Path) -> Pool:
    """A profile's pool of two questions, one of them twice, with a benchmark of one and a hashed one."""
    files = {"pool": [TREE, LAKE, TREE, ""], "bench": [LAKE.replace("third", "quarter")]}
    for name, questions in files.items():
        rows = [{"question": question, "solution": "7"} for question in questions]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hashed = {"record_id": "h1", "n_words": 9, "ngram8_sha256_128": ["0" * 32, "1" * 32]}
    (tmp_path / "hashes.jsonl").write_text(json.dumps(hashed) + "\n")
    collect = {
        "sources": [JsonlSource(kind="jsonl", name="pool", path=str(tmp_path / "pool.jsonl"))],
        "benchmarks": [JsonlSource(kind="jsonl", name="bench", path=str(tmp_path / "bench.jsonl"))],
        "held_out": [HashedBenchmark(kind="hashes", name="hashed", path=str(tmp_path / "hashes.jsonl"))],
    }
    params = load_params(Path("profiles/nano.yaml"))
    params = params.model_copy(update={"collect": params.collect.model_copy(update=collect)})
    return read_pool(params, locate=plain_path)


def test_the_pool_has_each_question_once_and_every_benchmark(tmp_path: Path) -> None:
    pool = small_pool(tmp_path)
    assert pool.texts == {question_id(TREE): TREE, question_id(LAKE): LAKE}
    assert [question.source for question in pool.benchmarks] == ["bench"]
    assert [item.item_id for item in pool.hashed] == ["h1"]


def test_all_tables_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_audit(tmp_path)
    labels = [label(LAKE, "variant"), label("not in this pool", "copy")]
    print_evidence(small_pool(tmp_path), labels, audit=tmp_path, pair_labels=[pair_label(4, TREE, "related")])
    printed = capsys.readouterr().out
    assert "2 distinct questions, 1 benchmark questions, 1 hashed; 1 verdicts (1 more" in printed
    assert "| ngram8 | 1 | 0 | 1 | 1 for 1 | 0.0% (all read) | 100.0% (all read) | 100.0% |" in printed
    assert "| verbatim | 1 | 100.0% | 100.0% |" in printed
    assert "| similar embedding, read by us: related | 1 | 0 | 0 |" in printed


def test_verdicts_are_shown_with_both_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = small_pool(tmp_path)
    item = pool.benchmarks[0]
    shown = label(LAKE, "variant").model_copy(update={"item_id": item.id})
    print_pairs(pool, [shown, label(TREE, "copy")], ["variant"], num_characters=20)
    assert capsys.readouterr().out.splitlines()[:3] == [
        "variant (ngram8, whole): made up",
        f"  book {question_id(LAKE)}: A lake loses a third ...",
        f"  bench {item.id}: A lake loses a quart ...",
    ]


def test_removals_without_a_verdict_are_shown_with_both_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = small_pool(tmp_path)
    print_unread(pool, [], num_characters=20)
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"{question_id(LAKE)}: A lake loses a third ...",
        f"  bench {pool.benchmarks[0].id}: A lake loses a quart ...",
    ]
    print_unread(pool, [label(LAKE, "variant")])
    assert capsys.readouterr().out == ""
