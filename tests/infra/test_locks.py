"""A lock says who holds it, makes others wait, and is free the moment its holder is dead."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.locks import Owner, describe_self, hold, is_held, read_owner

HOLD = """
import sys, time
from pathlib import Path
from infra.locks import describe_self, hold
with hold(Path(sys.argv[1]), describe_self("other")):
    print("held", flush=True)
    time.sleep(60)
"""


def start_holder(path: Path) -> "subprocess.Popen[bytes]":
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_the_holder_is_named_while_it_holds_and_forgotten_after(tmp_path: Path) -> None:
    path = tmp_path / "locks/a.lock"
    assert not is_held(path)
    with hold(path, describe_self("make demo", flow_run_id="f1")):
        owner = read_owner(path)
        assert owner is not None
        assert (owner.command, owner.pid, owner.flow_run_id) == ("make demo", os.getpid(), "f1")
        assert str(owner).startswith(f"make demo (process {os.getpid()} on ")
    assert read_owner(path) is None
    assert not is_held(path)


def test_a_second_one_waits_is_told_whom_for_and_goes_on_when_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = start_holder(path)
    assert is_held(path)
    told: list[Owner | None] = []
    threading.Timer(1.0, lambda: holder.send_signal(signal.SIGKILL)).start()
    started = time.monotonic()
    with hold(path, describe_self("mine"), on_wait=told.append):
        assert time.monotonic() - started > 0.9
        assert read_owner(path) == describe_self("mine").model_copy(update={"since": read_owner(path).since})  # type: ignore[union-attr]
    assert [owner.pid for owner in told if owner is not None] == [holder.pid]
    holder.wait()


def test_a_lock_removed_with_its_folder_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "workspace/.s1/a.lock"
    with hold(path, describe_self("first")):
        path.unlink()
        path.parent.rmdir()
        with hold(path, describe_self("second")):
            owner = read_owner(path)
            assert owner is not None
            assert owner.command == "second"


@pytest.mark.parametrize(("keep", "stays"), [("(lock,)", True), ("()", False)])
def test_the_lock_stays_with_a_killed_holders_processes_where_it_was_handed_on(
    tmp_path: Path, keep: str, stays: bool
) -> None:
    path = tmp_path / "a.lock"
    script = (
        "import sys; from pathlib import Path; from infra.locks import describe_self, hold; "
        "from infra.processes import run_in_group\n"
        f"with hold(Path({str(path)!r}), describe_self('parent')) as lock:\n"
        "    run_in_group([sys.executable, '-c', \"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"print('up', flush=True); time.sleep(60)\"], grace_seconds=3, keep_open={keep})\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert is_held(path) is stays
    deadline = time.monotonic() + 20
    while is_held(path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_held(path)


@pytest.mark.parametrize("content", ["", "{", "null", '{"pid": 1}'])
def test_a_damaged_file_names_nobody(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.lock"
    path.write_text(content)
    assert read_owner(path) is None
