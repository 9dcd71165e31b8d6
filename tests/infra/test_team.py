"""Processes that are talked to while they work."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from infra.settings import num_processes
from infra.team import Channel, TeamError, start_team
from tests.alive import is_alive


def add_up(channel: Channel, *, own: int) -> None:
    channel.send((os.getpid(), own))
    channel.send(own + channel.receive())


def fail(channel: Channel) -> None:
    raise ValueError("line 7 is damaged: make it again")


def fall(channel: Channel) -> None:
    raise RuntimeError("a fault")


def die(channel: Channel) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_long(channel: Channel, *, file: Path) -> None:
    file.write_text(str(os.getpid()))
    channel.send("ready")
    time.sleep(600)


def test_members_are_processes_of_their_own_that_answer() -> None:
    with start_team([partial(add_up, own=1), partial(add_up, own=2)]) as members:
        told = [member.receive() for member in members]
        for member in members:
            member.send(10)
        assert [member.receive() for member in members] == [11, 12]
    assert [own for _, own in told] == [1, 2]
    assert len({os.getpid(), *(process for process, _ in told)}) == 3


def test_an_error_for_the_user_arrives_as_it_is() -> None:
    with pytest.raises(ValueError, match="^line 7 is damaged: make it again$"), start_team([fail]) as members:
        members[0].receive()


def test_a_fault_arrives_with_its_name_and_place() -> None:
    with (
        pytest.raises(TeamError, match=r"reader 1 of 1 failed(?s:.*)in fall(?s:.*)a fault"),
        start_team([fall], name="reader") as members,
    ):
        members[0].receive()


def test_a_killed_member_is_told_with_advice() -> None:
    with (
        pytest.raises(TeamError, match=r"1 of 1 ended early \(killed by signal 9\).*S1_PROCESSES=1"),
        start_team([die]) as members,
    ):
        members[0].receive()


def test_leaving_early_stops_the_members(tmp_path: Path) -> None:
    with start_team([partial(wait_long, file=tmp_path / "pid")]) as members:
        members[0].receive()
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_members_die_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from functools import partial; from pathlib import Path; from infra.team import start_team\n"
        "from tests.infra.test_team import wait_long\n"
        f"with start_team([partial(wait_long, file=Path({str(tmp_path / 'pid')!r}))]) as members:\n"
        "    print(members[0].receive(), flush=True); members[0].receive()"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stdout.read(5) == b"ready"
    starter.kill()
    starter.wait()
    starter.stdout.close()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(pid)


def test_the_number_of_processes_is_the_users_or_that_of_the_cores() -> None:
    assert num_processes({"S1_PROCESSES": "7"}) == 7
    assert 1 <= num_processes({"S1_PROCESSES": ""}) <= 4


@pytest.mark.parametrize("chosen", ["0", "-1", "two"])
def test_a_number_of_processes_that_is_none_is_refused(chosen: str) -> None:
    with pytest.raises(ValueError, match=f"S1_PROCESSES='{chosen}'"):
        num_processes({"S1_PROCESSES": chosen})
