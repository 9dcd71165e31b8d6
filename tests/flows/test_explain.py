"""What the parent flow makes of a stage's bad end."""

from collections import deque

import pytest

from flows.dvc_stage import explain_exit

FAILED = "ERROR: failed to reproduce 'train': failed to run: python -m flows.stage train, exited with "


@pytest.mark.parametrize(
    ("lines", "exit_code", "told"),
    [
        ([FAILED + "2"], 255, "Stage train ended with exit code 2."),
        ([FAILED + "-9"], 255, "Stage train was ended by signal 9 (often: out of memory)."),
        ([FAILED + "139"], 255, "Stage train was ended by signal 11."),
        ([], 137, "Stage train was ended by signal 9 (often: out of memory)."),
        (["ERROR: you are not inside of a Git repository"], 255, "git init"),
    ],
)
def test_the_end_of_a_stage_is_explained(lines: list[str], exit_code: int, told: str) -> None:
    assert told in explain_exit("train", exit_code, deque(lines))
