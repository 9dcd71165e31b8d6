"""``python -m flows.selections`` and ``python -m flows.funnel`` on a finished run."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flows import funnel, selections
from s1.artifacts import read_jsonl
from s1.config import load_params
from s1.records import SelectedQuestion
from tasks.paths import SELECTION
from tests.selection.finished import PROJECT, SELECT, make_collected, write_finished


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        metrics = write_finished(folder)
        (folder / "metrics").mkdir()
        (folder / "metrics/select.json").write_text(json.dumps(metrics, sort_keys=True))
        params = load_params(PROJECT / "profiles/nano.yaml").model_copy(update={"select": SELECT})
        (folder / "params.yaml").write_text(json.dumps(params.model_dump(mode="json")))
    return folder


@pytest.fixture
def here(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(finished)
    return finished


def told(capsys: pytest.CaptureFixture[str], entry: Callable[[list[str]], int], *arguments: str) -> tuple[int, str]:
    code = entry(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_a_selection_is_the_same_as_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, selections.main, ".", str(here))
    assert code == 0
    assert "shared questions: 3 (100.0% of the first, 100.0% of the second); Jaccard index 1.000" in text
    assert "domain shift: total variation 0.000" in text


def test_another_selection_is_named_behind_a_colon(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, selections.main, ".", ".:some")
    assert code == 0
    assert "second: .:some (4 questions)" in text
    code, text = told(capsys, selections.main, ".", ".:nothing")
    assert code == 1
    assert "no other selection 'nothing'; it has ['hard-ones', 'some']" in text


def test_over_seeds_the_first_draw_is_the_run_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, selections.main, ".", "--seeds", "4")
    assert code == 0
    assert text.startswith(". drawn 4 times, seeds 0 to 3")
    code, text = told(capsys, selections.main, ".:hard-ones", "--seeds", "2")
    assert "in every draw: 5 of 5 questions (100.0%): random 5" in text


def test_the_real_s1k_is_matched_by_text_and_traced_through_the_ledger(
    here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    collected = make_collected()
    taken = read_jsonl(SELECTION, SelectedQuestion)[0]
    rows = [
        {"id": 0, "problem": taken.question, "solution": "So 1."},
        {"id": 1, "problem": collected["easy"].question, "solution": "4"},
        {"id": 2, "problem": "Nobody ever collected this one.", "solution": ""},
    ]
    path = tmp_path / "s1k.json.gz"
    path.write_bytes(gzip.compress(json.dumps(rows).encode()))
    code, text = told(capsys, selections.main, ".", "--s1k", str(path))
    assert code == 0, text
    assert "second: the real s1K (3 questions)" in text
    assert "shared questions: 1 " in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert {"taken (diversity) 1", "attempt: too_easy_small 1", "not collected 1"} <= set(lines)
    assert "no thinking and no sources" in text


def test_a_missing_file_of_s1k_is_told_by_its_option(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selections.main([".", "--s1k", "none.json"]) == 1
    assert "none.json is no file; --s1k names" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(".",), (".", "--seeds", "1")])
def test_asking_for_nothing_is_a_usage_error(
    here: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        selections.main(arguments)
    assert stopped.value.code == 2


def test_the_funnel_is_printed_in_both_orders_beside_the_papers(
    here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, text = told(capsys, funnel.main, ".", "--svg", str(tmp_path))
    assert code == 0
    lines = [line.split() for line in text.splitlines()]
    assert ["hard", "5", "-", "too_easy_small", "1"] in lines
    assert ["complete", "5", "1", "54,116", "54,116", "trace_truncated", "1"] in lines
    for order in ("ours", "paper"):
        root = ElementTree.parse(tmp_path / f"funnel-{order}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    drawn = (tmp_path / "funnel-paper.svg").read_text()
    assert "5, 1 of them not asked (paper 54,116)" in drawn


def test_a_run_without_a_funnel_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/select.json").write_text("{}")
    code, text = told(capsys, funnel.main, ".")
    assert (code, "has no funnel" in text) == (1, True)
