"""What the stage ``select`` writes: selection, others, ledger, figures."""

from pathlib import Path

import pytest

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.decisions import Decision, LedgerRow
from s1.records import SelectedQuestion
from s1.selection.ledger import LedgerError
from tasks import select_
from tasks.paths import CURATE_DECISIONS, CURATED, LEDGER, OTHER_SELECTIONS, SELECT_DECISIONS, SELECTION
from tests.selection.finished import SELECT, ledger_of, make_collected, make_context, write_finished


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_ledger_tells_the_fate_of_every_collected_question_with_its_place(here: Path) -> None:
    write_finished(here)
    rows = read_jsonl(LEDGER, LedgerRow)
    assert [(row.file, row.line) for row in rows] == [("$S1_DATA/shelf/book.jsonl.gz", line) for line in range(1, 9)]
    fates = ledger_of(rows)
    assert {name: fates[name] for name in ("again", "copied", "easy", "cut")} == {
        "again": ("curate", "duplicate"),
        "copied": ("curate", "ngram8"),
        "easy": ("attempt", "too_easy_small"),
        "cut": ("distill", "truncated"),
    }
    assert {row.question_id for row in rows if row.taken} == {
        row.question_id for row in read_jsonl(SELECTION, SelectedQuestion)
    }
    assert rows[2].detail == "math500 test/7: remainder when 7^100 is divided"


def test_other_selections_lie_beside_it_and_are_compared_with_it(here: Path) -> None:
    metrics = write_finished(here)
    main = {row.question_id for row in read_jsonl(SELECTION, SelectedQuestion)}
    others = metrics["others"]
    assert isinstance(others, dict)
    for name, num, num_short in (("some", 4, 0), ("hard-ones", 5, 45)):
        rows = read_jsonl(OTHER_SELECTIONS / f"{name}.jsonl", SelectedQuestion)
        ids = {row.question_id for row in rows}
        figures = others[name]
        assert isinstance(figures, dict)
        assert (len(rows), figures["num"], figures["num_short_of_wanted"]) == (num, num, num_short)
        assert figures["num_shared"] == len(ids & main)
        assert figures["jaccard"] == len(ids & main) / len(ids | main)
        without = [row for row in rows if not row.thinking]
        assert figures["num_without_trace"] == len(without)
        assert all((row.answer, row.trace_length) == ("", 0) for row in without)
    assert make_collected()["easy"].id not in {
        row.question_id for row in read_jsonl(OTHER_SELECTIONS / "hard-ones.jsonl", SelectedQuestion)
    }


def test_figures_count_sources_and_both_funnels(here: Path) -> None:
    metrics = write_finished(here)
    assert metrics["sources"] == {"book": {"num_curated": 6, "num_in_pool": 4, "num_selected": 3}}
    funnels = metrics["funnels"]
    assert isinstance(funnels, dict) and isinstance(funnels["ours"], dict) and isinstance(funnels["paper"], dict)
    assert funnels["ours"]["hard"] == {"left": 5, "not_asked": 0, "dropped": {"too_easy_small": 1}}
    assert funnels["paper"]["complete"] == {"left": 5, "not_asked": 1, "dropped": {"trace_truncated": 1}}


def test_the_same_files_give_the_same_selections_byte_by_byte(here: Path) -> None:
    write_finished(here)
    files = [SELECTION, SELECT_DECISIONS, LEDGER, OTHER_SELECTIONS / "some.jsonl"]
    before = [path.read_bytes() for path in files]
    write_finished(here)
    assert [path.read_bytes() for path in files] == before


def test_files_of_two_runs_are_refused_and_the_former_selection_stays(here: Path) -> None:
    write_finished(here)
    before = LEDGER.read_bytes()
    decisions = read_jsonl(CURATE_DECISIONS, Decision)
    curated = CURATED.read_bytes()
    with ArtifactWriter(CURATE_DECISIONS.parent) as artifact:
        artifact.path(CURATED.name).write_bytes(curated)
        artifact.write_jsonl(CURATE_DECISIONS.name, [decisions[0].model_copy(update={"kept": False}), *decisions[1:]])
    with pytest.raises(LedgerError, match=f"the curated question {decisions[0].question_id} was never collected"):
        select_.run(make_context(), select=SELECT, seed=0)
    assert LEDGER.read_bytes() == before
