"""Errors become one message, an exit code and a log."""

import errno
from pathlib import Path

import pytest

from infra.failures import Failure, StageFailedError, explain, log_traceback
from s1.artifacts import ArtifactError
from s1.config import ParamsError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ParamsError("params.yaml, line 3"), Failure("params.yaml, line 3", 2, True)),
        (ArtifactError("x is corrupt"), Failure("x is corrupt", 1, True)),
        (StageFailedError("Stage train"), Failure("Stage train", 1, True)),
        (RuntimeError("odd"), Failure("RuntimeError: odd", 1, False)),
    ],
)
def test_errors_with_advice_are_shown_as_they_are_and_faults_as_faults(error: Exception, expected: Failure) -> None:
    assert explain(error) == expected


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_to_do(number: int) -> None:
    failure = explain(OSError(number, "full", "data/x.jsonl"))
    assert "Free space and run again; finished work is kept" in failure.message
    assert "data/x.jsonl" in failure.message
    assert failure.expected


def test_a_full_disk_that_a_native_library_met_is_recognised() -> None:
    assert "Free space" in explain(RuntimeError("I/O error: No space left on device (os error 28)")).message


def test_a_forbidden_file_is_named() -> None:
    failure = explain(PermissionError(errno.EACCES, "denied", "data/x"))
    assert (failure.message, failure.exit_code) == (
        "No permission for data/x. Give this user access to it and run again.",
        1,
    )


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_signals_end_with_their_codes(error: BaseException, code: int) -> None:
    assert explain(error).exit_code == code


def test_a_missing_package_points_to_the_environment() -> None:
    assert "Activate the project's environment" in explain(ModuleNotFoundError("no", name="torch")).message


def test_the_traceback_goes_to_the_log(tmp_path: Path) -> None:
    path = log_traceback(RuntimeError("odd"), "train", folder=tmp_path / "logs")
    assert path == tmp_path / "logs/train.log"
    assert path.read_text().startswith("RuntimeError: odd")


def test_a_full_disk_that_another_process_met_is_told_before_its_own_words() -> None:
    failure = explain(StageFailedError("training rank 1 ended\nunexpected pos 4096 vs 3988"))
    assert failure.message.startswith("The disk is full")
    assert "training rank 1 ended" in failure.message
