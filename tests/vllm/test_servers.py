"""Servers of a stage: started with what the environment says, told apart when they fail, and gone at the end."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infra.device import device_name
from infra.vllm_servers import plan_servers, vllm_python, vllm_servers
from s1.engine.vllm_pool import VllmError

GOOD = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(STATUS, json.dumps([sys.argv, os.environ.get("CUDA_VISIBLE_DEVICES")]).encode())

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

print("serving", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""
BAD = """
print("(EngineCore pid=7) ERROR 11-22 18:04:32 [core.py:1512] RuntimeError: head_dim=24 is not supported", flush=True)
print("(EngineCore pid=7) ERROR 11-22 18:04:32 [core.py:1512] RuntimeError: head_dim=24 is not supported", flush=True)
raise SystemExit(1)
"""

MakePython = Callable[[str], dict[str, str]]


@pytest.fixture
def environment_of(tmp_path: Path) -> MakePython:
    """The environment with a Python that runs a program instead of vLLM."""

    def make(program: str) -> dict[str, str]:
        (tmp_path / "server.py").write_text(program)
        python = tmp_path / "python"
        # The first two arguments are -m and vLLM's module.
        python.write_text(
            f'#!/bin/sh\nshift 2\nexec {sys.executable} {shlex.quote(str(tmp_path / "server.py"))} "$@"\n'
        )
        python.chmod(0o755)
        return {"PATH": os.environ["PATH"], "S1_VLLM_PYTHON": str(python), "CUDA_VISIBLE_DEVICES": ""}

    return make


def ask(url: str) -> tuple[list[str], str | None]:
    argv, devices = httpx.post(f"{url}/v1/completions", json={}, trust_env=False).json()
    return argv, devices


def is_open(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def test_servers_run_for_the_time_of_the_block(tmp_path: Path, environment_of: MakePython) -> None:
    environment = environment_of(GOOD.replace("STATUS", "200")) | {
        "S1_VLLM_SERVERS": "2",
        "S1_VLLM_ARGS": "--seed 7 --quantization 'a b'",
    }
    with vllm_servers(
        tmp_path / "model", dtype="float32", max_context=99, log_folder=tmp_path / "logs", environment=environment
    ) as urls:
        assert len(set(urls)) == 2
        argv = " ".join(ask(urls[0])[0])
        assert "--enforce-eager --block-size 32" in argv  # no GPU is visible
        for part in ("--dtype float32", "--max-model-len 99", "--generation-config vllm", "--enable-prefix-caching"):
            assert part in argv
        assert ask(urls[1])[0][-4:] == ["--seed", "7", "--quantization", "a b"]
        assert f"--model {tmp_path / 'model'}" in argv
    assert [is_open(url) for url in urls] == [False, False]
    assert (tmp_path / "logs" / "vllm-1.log").read_text() == "serving\n"


def test_each_server_gets_its_share_of_the_gpus(tmp_path: Path, environment_of: MakePython) -> None:
    environment = environment_of(GOOD.replace("STATUS", "200")) | {
        "S1_VLLM_SERVERS": "2",
        "CUDA_VISIBLE_DEVICES": "0,1,2,3",
    }
    with vllm_servers(tmp_path, dtype="bfloat16", log_folder=tmp_path / "logs", environment=environment) as urls:
        assert [ask(url)[1] for url in urls] == ["0,1", "2,3"]
        assert "--enforce-eager" not in ask(urls[0])[0]
    environment["S1_VLLM_SERVERS"] = "5"
    with (
        pytest.raises(VllmError, match="S1_VLLM_SERVERS=5 servers need as many GPUs; this machine has 4"),
        vllm_servers(tmp_path, dtype="bfloat16", log_folder=tmp_path / "logs", environment=environment),
    ):
        pass


def test_a_server_that_does_not_start_is_told_with_its_errors(tmp_path: Path, environment_of: MakePython) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "vllm-0.log").write_text("OldError: of another run\n")
    with (
        pytest.raises(VllmError) as error,
        vllm_servers(tmp_path, dtype="float32", log_folder=tmp_path / "logs", environment=environment_of(BAD)),
    ):
        pass
    assert str(error.value).splitlines() == [
        f"The vLLM server for {tmp_path} did not start.",
        f"From {tmp_path / 'logs' / 'vllm-0.log'}:",
        "  RuntimeError: head_dim=24 is not supported",
    ]


def test_a_server_that_loads_a_model_and_cannot_decode_is_found_out_at_once(
    tmp_path: Path, environment_of: MakePython
) -> None:
    environment = environment_of(GOOD.replace("STATUS", "500"))
    with (
        pytest.raises(VllmError, match="decodes nothing \\(HTTP 500"),
        vllm_servers(tmp_path, dtype="float32", log_folder=tmp_path / "logs", environment=environment),
    ):
        pass


def test_when_the_client_loses_its_servers_the_message_ends_in_their_logs(
    tmp_path: Path, environment_of: MakePython
) -> None:
    environment = environment_of(GOOD.replace("STATUS", "200"))
    with (
        pytest.raises(VllmError) as error,
        vllm_servers(tmp_path, dtype="float32", log_folder=tmp_path / "logs", environment=environment),
    ):
        raise VllmError("No vLLM server answers any more")
    log = tmp_path / "logs" / "vllm-0.log"
    assert str(error.value) == f"No vLLM server answers any more\nFrom {log}:\n  serving"


def test_running_servers_are_taken_as_they_are(tmp_path: Path) -> None:
    environment = {"S1_VLLM_URLS": " http://a:8000, http://b:8000/v1 ,", "S1_VLLM_PYTHON": str(tmp_path / "nothing")}
    with vllm_servers(tmp_path, dtype="float32", environment=environment) as urls:
        assert urls == ["http://a:8000", "http://b:8000/v1"]


def test_without_vllm_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(VllmError, match="`make vllm` makes the environment"):
        vllm_python({"S1_VLLM_PYTHON": str(tmp_path / "nothing")})


@pytest.mark.parametrize(
    ("environment", "num_gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, 4),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3,4", "S1_VLLM_SERVERS": "2"}, 4),
        ({"CUDA_VISIBLE_DEVICES": "0,1", "S1_VLLM_URLS": "http://a"}, None),
    ],
)
def test_the_gpus_of_started_servers_are_counted(environment: dict[str, str], num_gpus: int | None) -> None:
    assert plan_servers(environment).num_gpus == num_gpus


def test_the_gpus_of_the_machine_are_those_that_its_driver_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = --query-gpu=name ] && echo H100 && echo A10 && echo H100\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert plan_servers({}).num_gpus == 3
    assert plan_servers({"S1_VLLM_SERVERS": "3"}).shares == ("0", "1", "2")
    assert device_name() == "2 x H100, 1 x A10"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert plan_servers({}).num_gpus == 0


@pytest.mark.parametrize("number", ["0", "two", "-1"])
def test_a_wrong_number_of_servers_is_refused(tmp_path: Path, environment_of: MakePython, number: str) -> None:
    environment = environment_of(GOOD) | {"S1_VLLM_SERVERS": number}
    with (
        pytest.raises(VllmError, match="give 1 or more"),
        vllm_servers(tmp_path, dtype="float32", environment=environment),
    ):
        pass


def test_servers_end_with_a_stage_that_is_killed(tmp_path: Path, environment_of: MakePython) -> None:
    environment = environment_of(GOOD.replace("STATUS", "200"))
    program = f"""
        import time
        from pathlib import Path
        from infra.vllm_servers import vllm_servers
        with vllm_servers(Path({str(tmp_path)!r}), dtype="float32", log_folder=Path({str(tmp_path)!r}),
                          environment={environment!r}) as urls:
            print(urls[0], flush=True)
            time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True) as stage:
        assert stage.stdout is not None
        url = stage.stdout.readline().strip()
        assert is_open(url)
        stage.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_open(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_open(url)
