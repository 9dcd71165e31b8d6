"""A paid answer is asked for once, whichever way the stage that needs it is run."""

import shutil
import time
from pathlib import Path

import pytest

from tests.dvc_.paid_toy import CALLS, commit, create_paid_toy, dvc, git

pytestmark = pytest.mark.slow

QUESTIONS = sorted(f"question {number}" for number in range(10))


class Payments:
    """The toy and the file in which its teacher counts."""

    def __init__(self, folder: Path, calls: Path) -> None:
        self.folder = folder
        self._calls = calls

    def dvc(self, *arguments: str, folder: Path | None = None) -> str:
        """Run DVC in the toy, or in another folder of it."""
        return dvc(folder or self.folder, *arguments, **{CALLS: str(self._calls)})

    def made(self) -> list[str]:
        """Every question that was paid for, once per payment."""
        return sorted(self._calls.read_text().splitlines())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Payments:
    """A toy in which ``dvc repro`` has run once and paid for ten answers."""
    folder = tmp_path_factory.mktemp("paid")
    payments = Payments(create_paid_toy(folder / "toy"), folder / "calls.txt")
    payments.dvc("repro")
    commit(payments.folder)
    assert payments.made() == QUESTIONS
    return payments


@pytest.fixture
def paid(first: Payments, tmp_path: Path) -> Payments:
    """A copy of it, for one test."""
    shutil.copytree(first.folder.parent, tmp_path / "paid", symlinks=True)
    return Payments(tmp_path / "paid/toy", tmp_path / "paid/calls.txt")


def test_a_forced_repro_pays_nothing(paid: Payments) -> None:
    assert "Running stage 'collect'" in paid.dvc("repro", "--force")
    assert paid.made() == QUESTIONS


def test_an_experiment_in_a_temporary_copy_pays_for_new_questions_only_and_leaves_their_answers(paid: Payments) -> None:
    printed = paid.dvc("exp", "run", "--temp", "-S", "collect.num_planted_overlaps=12")
    assert "Running stage 'collect'" in printed
    assert paid.made() == sorted([*QUESTIONS, "question 10", "question 11"])
    printed = paid.dvc("exp", "run", "-S", "collect.num_planted_overlaps=12", "-S", "seed=3")
    assert "Running stage 'collect'" in printed
    assert paid.made() == sorted([*QUESTIONS, "question 10", "question 11"])


def test_queued_experiments_side_by_side_pay_for_a_new_question_once(paid: Payments) -> None:
    for seed in (1, 2):
        paid.dvc("exp", "run", "--queue", "-S", f"seed={seed}", "-S", "collect.num_planted_overlaps=12")
    deadline = time.monotonic() + 300
    while (status := paid.dvc("queue", "status")).count("Success") < 2 and time.monotonic() < deadline:
        # On a busy machine DVC's workers can end with a task still queued; a start while they run changes nothing.
        if "Running" not in status:
            paid.dvc("queue", "start", "--jobs", "2")
        time.sleep(5)
    paid.dvc("queue", "stop")
    assert paid.dvc("queue", "status").count("Success") == 2
    assert paid.made() == sorted([*QUESTIONS, "question 10", "question 11"])


def test_a_run_in_a_workspace_of_the_checkout_pays_nothing(paid: Payments) -> None:
    workspace = paid.folder / ".s1/workspaces/one"
    git(paid.folder, "clone", "--quiet", str(paid.folder), str(workspace))
    shutil.rmtree(workspace / ".dvc/tmp", ignore_errors=True)
    assert "Running stage 'collect'" in paid.dvc("repro", folder=workspace)
    assert not (workspace / ".s1/archive").exists()
    assert paid.made() == QUESTIONS
