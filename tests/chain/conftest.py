"""One finished chain for all tests of this folder; tests that damage it put it right again."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chain.chains import create_chain, run_python


@dataclass(frozen=True, slots=True)
class FinishedChain:
    """A workspace in which the parent flow ran once, and what it printed."""

    folder: Path
    output: str


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> FinishedChain:
    """The complete nano chain through the parent flow, at the smallest setting."""
    folder = create_chain(tmp_path_factory.mktemp("chain") / "workspace")
    done: subprocess.CompletedProcess[str] = run_python(folder, "-m", "flows.chain")
    assert done.returncode == 0, done.stdout
    return FinishedChain(folder, done.stdout)


@pytest.fixture
def copy(chain: FinishedChain, tmp_path: Path) -> Path:
    """A copy of the finished chain's workspace, for a test to change."""
    shutil.copytree(chain.folder, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"
