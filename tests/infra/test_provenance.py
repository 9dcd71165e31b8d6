"""Invocations are named after the ``dvc`` process that started the stages."""

import os

import psutil
import pytest

from infra.provenance import find_invocation, is_dvc, name_process


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["dvc", "repro"], True),
        (["/p/bin/python", "/p/bin/dvc", "repro"], True),
        (["python", "-m", "dvc", "repro"], True),
        (["python", "-m", "flows.stage", "dvc"], False),
        (["sh", "-c", "dvc repro"], False),
        ([], False),
    ],
)
def test_dvc_is_recognised_however_it_is_started(command: list[str], expected: bool) -> None:
    assert is_dvc(command) is expected


def test_without_dvc_the_invocation_is_this_process() -> None:
    assert find_invocation() == name_process(psutil.Process())
    assert f"-{os.getpid()}-" in find_invocation()
