"""A journal keeps every finished item, whatever kills the process that writes it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from s1.records import DomainLabel
from tasks.journal import Journal


def _labels(*ids: str) -> list[DomainLabel]:
    return [DomainLabel(question_id=name, domain="d ü", classifier="c") for name in ids]


def test_records_come_back_in_any_order_and_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "work" / "journal.jsonl"
    with Journal(path, kind=DomainLabel) as journal:
        journal.add("b", _labels("1", "2"))
        journal.add("a", _labels())
        assert journal.records("b") == _labels("1", "2")
        journal.add("c", _labels("3"))
    with Journal(path, kind=DomainLabel) as journal:
        assert [key in journal for key in "abcd"] == [True, True, True, False]
        assert [journal.records(key) for key in "cab"] == [_labels("3"), [], _labels("1", "2")]
        assert len(journal) == 3


TORN = [b'"b"\t[{"question_', b"\0\0\0\0\n", b'"b"\n"c"\t[]\n', b'"b"\t{}\n"c"\t[]\n', b'"b"\t[]']


@pytest.mark.parametrize("torn", TORN)
def test_what_a_kill_or_a_power_cut_damaged_is_written_again_and_the_rest_counts(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, kind=DomainLabel) as journal:
        journal.add("a", _labels("1"))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with Journal(path, kind=DomainLabel) as journal:
        assert ["a" in journal, "b" in journal, "c" in journal] == [True, False, torn.endswith(b'"c"\t[]\n')]
        journal.add("b", _labels("2"))
    with Journal(path, kind=DomainLabel) as journal:
        assert [journal.records("a"), journal.records("b")] == [_labels("1"), _labels("2")]
    assert path.read_bytes().startswith(whole)


def test_of_a_key_that_was_added_again_the_last_records_count(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, kind=DomainLabel) as journal:
        journal.add("a", _labels("1"))
        journal.add("a", _labels("2"))
        assert journal.records("a") == _labels("2")
    with Journal(path, kind=DomainLabel) as journal:
        assert (journal.records("a"), len(journal)) == (_labels("2"), 1)


def test_a_killed_process_loses_no_item_that_it_added(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    program = f"""
        import os, signal
        from pathlib import Path
        from s1.records import DomainLabel
        from tasks.journal import Journal
        journal = Journal(Path({str(path)!r}), kind=DomainLabel)
        for number in range(50):
            journal.add(str(number), [DomainLabel(question_id=str(number), domain="d", classifier="c")])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert ended.returncode == -9
    with Journal(path, kind=DomainLabel) as journal:
        assert [journal.records(str(number))[0].question_id for number in range(50)] == [str(n) for n in range(50)]
