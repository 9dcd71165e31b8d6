"""Switching profiles never loses somebody's parameters."""

from pathlib import Path

import pytest

from flows.profiles import switch_profile
from s1.config import ParamsError

PROJECT = Path(__file__).resolve().parents[2]
NANO = (PROJECT / "profiles/nano.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/nano.yaml").write_text(NANO)
    (tmp_path / "profiles/other.yaml").write_text(NANO.replace("seed: 0", "seed: 1", 1))
    return tmp_path


def test_an_untouched_profile_is_replaced(folder: Path) -> None:
    (folder / "params.yaml").write_text(NANO)
    kept = switch_profile("other", params=folder / "params.yaml", profiles=folder / "profiles")
    assert kept is None
    assert (folder / "params.yaml").read_text() == (folder / "profiles/other.yaml").read_text()


def test_edited_parameters_are_kept_beside(folder: Path) -> None:
    edited = NANO.replace("seed: 0", "seed: 77", 1)
    (folder / "params.yaml").write_text(edited)
    kept = switch_profile("nano", params=folder / "params.yaml", profiles=folder / "profiles")
    assert kept is not None
    assert kept.read_text() == edited
    assert (folder / "params.yaml").read_text() == NANO


def test_an_unknown_profile_is_answered_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ParamsError, match="there is no profile 'big'; profiles: nano, other"):
        switch_profile("big", params=folder / "params.yaml", profiles=folder / "profiles")


def test_a_profile_that_cannot_be_used_changes_nothing(folder: Path) -> None:
    (folder / "params.yaml").write_text(NANO)
    (folder / "profiles/other.yaml").write_text("seed: x\n")
    with pytest.raises(ParamsError):
        switch_profile("other", params=folder / "params.yaml", profiles=folder / "profiles")
    assert (folder / "params.yaml").read_text() == NANO
