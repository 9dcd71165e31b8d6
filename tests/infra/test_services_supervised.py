"""A service that ends is started again, ever more patiently; what dead processes leave behind is ended."""

import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from infra.guarded import Guarded
from infra.services.commands import ServiceSpec
from infra.services.supervised import Supervised
from tests.alive import is_alive

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def spec_for(folder: Path, *argv: str) -> ServiceSpec:
    return ServiceSpec("worker", argv, {"PATH": os.environ["PATH"]}, folder / "service.log", 2.0)


def wait_for(what: object, seconds: float = 20.0) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_killed_service_is_started_again_and_its_ends_are_counted(tmp_path: Path) -> None:
    service = Supervised(spec_for(tmp_path, *SLEEP), cwd=tmp_path)
    try:
        service.keep()
        first = service.guard_pid
        assert first is not None
        wait_for(lambda: psutil.Process(first).children())
        psutil.Process(first).children()[0].kill()

        def is_back() -> bool:
            service.keep()
            return service.guard_pid not in (None, first)

        wait_for(is_back)
        record = service.describe()
        assert (record.num_ends, record.last_exit) == (1, 128 + signal.SIGKILL)
    finally:
        service.stop()
    assert service.guard_pid is None


def test_each_quick_end_doubles_the_wait_before_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "starts.txt"
    program = f"import time; open({str(log)!r}, 'a').write(f'{{time.monotonic()}}\\n'); raise SystemExit(3)"
    service = Supervised(spec_for(tmp_path, sys.executable, "-c", program), cwd=tmp_path)

    def has_started_thrice() -> bool:
        service.keep()
        return log.exists() and len(log.read_text().splitlines()) >= 3

    wait_for(has_started_thrice)
    service.stop()
    first, second, third = (float(line) for line in log.read_text().splitlines())
    assert 1.0 <= second - first < third - second
    assert third - second >= 2.0
    assert service.describe().last_exit == 3


def test_a_guarded_command_and_all_below_it_end_with_their_starter_even_by_kill_9(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import os, sys, time
        from pathlib import Path
        from infra.guarded import Guarded
        child = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
        parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], start_new_session=True)"
        argv = [sys.executable, "-c", parent, child, {str(tmp_path / "pid")!r}]
        Guarded.start(argv, env=dict(os.environ), log=Path({str(tmp_path / "log")!r}))
        time.sleep(600)
        """
    )
    outer = Guarded.start([sys.executable, "-c", program], env=dict(os.environ), log=tmp_path / "outer.log")
    pid_file = tmp_path / "pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    pid = int(pid_file.read_text())
    child = psutil.Process(pid)
    assert os.getsid(pid) == pid  # in a session of its own
    starter = child.parents()[2]  # above the command and its guard
    starter.kill()
    wait_for(lambda: not psutil.pid_exists(pid))
    outer.stop()


ORPHAN_MAKER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
"""
KEEPER = """
import os, sys, time
from pathlib import Path
from infra.guarded import Guarded
from infra.services.orphans import Orphans
orphans = Orphans()
program = sys.argv[1]
runner = "import subprocess, sys, time; subprocess.run([sys.executable, '-c', sys.argv[1]])"
runner += f"; time.sleep({sys.argv[2]})"
service = Guarded.start([sys.executable, "-c", runner, program], env=dict(os.environ), log=Path(sys.argv[3]))
while True:
    orphans.end(guards={service.process.pid}, patience_seconds=0.3)
    time.sleep(0.1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a process that asks for them")
@pytest.mark.parametrize("service_seconds", [600, 1], ids=["of a living service", "of a dead service"])
def test_orphans_in_sessions_of_their_own_are_ended(tmp_path: Path, service_seconds: int) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", KEEPER, ORPHAN_MAKER, str(service_seconds), str(log)]
    keeper = Guarded.start(command, env=dict(os.environ), log=tmp_path / "keeper.log")
    try:
        wait_for(lambda: log.exists() and log.read_text().strip())
        orphan = int(log.read_text())
        wait_for(lambda: not is_alive(orphan))
        if service_seconds == 600:  # the service itself is no orphan
            guard = psutil.Process(keeper.process.pid).children()[0].children()[0]
            assert len(guard.children()) == 1
    finally:
        keeper.stop()
