"""A ``dvc.lock`` that a killed DVC left half written never blocks the next run."""

from pathlib import Path

import pytest

from flows.order import mend_lock

LOCK = """schema: '2.0'
stages:
  base:
    cmd: python -m flows.stage base
    outs:
    - path: models/base
      hash: md5
      md5: 126c542befe59fefce55978da97b9e1b.dir
      size: 231
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".s1").mkdir()
    return tmp_path


@pytest.mark.parametrize("end", ["      size:", "      md5: 126c", "    - path: models", "  base:", "schema"])
def test_a_lock_cut_anywhere_is_moved_aside(checkout: Path, end: str) -> None:
    lock = checkout / "dvc.lock"
    lock.write_text(LOCK[: LOCK.index(end) + len(end)])
    told = mend_lock(Path("dvc.lock"))
    assert told is not None and "cut short" in told
    assert not lock.exists()
    assert (checkout / ".s1/dvc.lock.broken").exists()


def test_a_whole_lock_stays(checkout: Path) -> None:
    (checkout / "dvc.lock").write_text(LOCK)
    assert mend_lock(Path("dvc.lock")) is None
    assert (checkout / "dvc.lock").read_text() == LOCK
