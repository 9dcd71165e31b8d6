"""vLLM servers for the time of a stage: found where the environment says, or started here and stopped at the end.

Knows addresses, processes and log files; does not know what is asked of the servers (``s1.engine.vllm``). Started ones
run under a guard (``infra.guarded``): they end with the stage, however that ends. Their environment is not the
project's, because vLLM pins other versions of the same packages: ``make vllm`` makes it.

| variable | meaning |
|---|---|
| ``S1_VLLM_URLS`` | addresses of running servers, by comma; none is started then |
| ``S1_VLLM_SERVERS`` | how many to start, each with its share of the GPUs; 1 without it |
| ``S1_VLLM_ARGS`` | further options for each server, such as ``--tensor-parallel-size 8`` |
| ``S1_VLLM_PYTHON`` | Python that has vLLM; ``.venv-vllm/bin/python`` of the home checkout without it |

Example::

    with vllm_servers(Path("models/train/tuned"), dtype="float32") as urls:
        ...                                     # ['http://127.0.0.1:41873']
"""

import logging
import os
import re
import shlex
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.device import gpu_names
from infra.guarded import Guarded
from infra.settings import LOGS_FOLDER, home_folder
from s1.engine.vllm_pool import VllmError

logger = logging.getLogger(__name__)

_START_SECONDS = 3600.0
_PROBE_SECONDS = 600.0
_POLL_SECONDS = 0.5
_TELL_SECONDS = 60.0
_GRACE_SECONDS = 15.0
_NUM_LOG_LINES = 12
_CPU_OPTIONS = ("--enforce-eager", "--block-size", "32")
"""No compiling, so a server starts sooner; and blocks of the prefix cache a quarter of the usual size."""
_ERROR_LINE = re.compile(r"\b\w*(?:Error|Exception): ")
_PREFIX = re.compile(r"^(?:\(\w+ pid=\d+\) )?(?:ERROR [\d-]+ [\d:]+ \[[^]]*\] )?")


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What the environment says about servers."""

    urls: tuple[str, ...] = ()
    """Running ones; none is started then."""
    shares: tuple[str | None, ...] = ()
    """The GPUs of each server to start, as ``CUDA_VISIBLE_DEVICES`` wants them; None: all there are, if any."""
    arguments: tuple[str, ...] = ()
    """Further options of each server to start."""
    num_gpus: int | None = None
    """GPUs of all servers together, busy or not; None where somebody else started the servers."""


@dataclass(slots=True)
class _Started:
    url: str
    log: Path
    log_start: int
    """Bytes that the log had before."""
    guarded: Guarded


@contextmanager
def vllm_servers(
    folder: Path,
    *,
    dtype: str,
    max_context: int | None = None,
    log_folder: Path = LOGS_FOLDER,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[list[str]]:
    """Addresses of servers for a model folder, ready to answer.

    Args:
        dtype: number format, as vLLM calls it.
        max_context: longest prompt and answer together; None: what the model says.
        log_folder: started servers write ``vllm-<number>.log`` there.

    Raises:
        VllmError: a variable is wrong, vLLM is not installed, or a server did not start or died; with the last lines
            of its log.
    """
    plan = plan_servers(environment)
    if plan.urls:
        yield list(plan.urls)
        return
    options = [*([] if plan.num_gpus else _CPU_OPTIONS), "--dtype", dtype]
    options += [*([] if max_context is None else ["--max-model-len", str(max_context)]), *plan.arguments]
    python = vllm_python(environment)
    with ExitStack() as stack:
        started: list[_Started] = []
        for number, devices in enumerate(plan.shares):
            own, log = _server_environment(environment, devices), log_folder / f"vllm-{number}.log"
            started.append(_start(python, folder, options, environment=own, log=log))
            stack.callback(started[-1].guarded.stop)
        for server in started:
            _wait(server, folder)
        try:
            yield [server.url for server in started]
        except VllmError as error:
            raise VllmError(f"{error}\n{_last_words(started)}") from error


def plan_servers(environment: Mapping[str, str] = os.environ) -> ServerPlan:
    """Read what the environment says about servers.

    Raises:
        VllmError: their number is none, or there are fewer GPUs.
    """
    urls = tuple(url for part in environment.get("S1_VLLM_URLS", "").split(",") if (url := part.strip()))
    if urls:
        return ServerPlan(urls=urls)
    arguments = tuple(shlex.split(environment.get("S1_VLLM_ARGS", "")))
    gpus = _gpus(environment)
    shares = _shares(environment.get("S1_VLLM_SERVERS") or "1", gpus)
    num_gpus = len(gpus) if None in shares else sum(len(share.split(",")) for share in shares if share is not None)
    return ServerPlan(shares=tuple(shares), arguments=arguments, num_gpus=num_gpus)


def vllm_python(environment: Mapping[str, str] = os.environ) -> Path:
    """The Python that has vLLM.

    Raises:
        VllmError: there is none.
    """
    chosen = environment.get("S1_VLLM_PYTHON")
    # Not resolved: a virtual environment's python is a link, and following it leaves the environment.
    path = Path(chosen) if chosen else home_folder(Path.cwd(), environment) / ".venv-vllm" / "bin" / "python"
    if not path.is_file():
        raise VllmError(
            f"{path} does not exist, so no vLLM server can be started. `make vllm` makes the environment (on a machine "
            "with GPUs `make vllm VLLM=gpu`); S1_VLLM_PYTHON names another one; S1_VLLM_URLS names running servers."
        )
    return path


def _shares(text: str, gpus: Sequence[str]) -> list[str | None]:
    if not text.isdecimal() or int(text) < 1:
        raise VllmError(f"S1_VLLM_SERVERS={text!r} is no number of servers; give 1 or more")
    num_servers = int(text)
    if num_servers == 1 or not gpus:
        return [None] * num_servers
    if num_servers > len(gpus):
        raise VllmError(f"S1_VLLM_SERVERS={num_servers} servers need as many GPUs; this machine has {len(gpus)}")
    each = len(gpus) // num_servers
    return [",".join(gpus[number * each : (number + 1) * each]) for number in range(num_servers)]


def _gpus(environment: Mapping[str, str]) -> list[str]:
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for part in visible.split(",") if (name := part.strip())]
    return [str(index) for index in range(len(gpu_names()))]


def _server_environment(environment: Mapping[str, str], devices: str | None) -> dict[str, str]:
    # What the user has set wins; the CPU's variables mean nothing to a server on GPUs.
    own = {
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        **environment,
    }
    own.pop("PYTHONPATH", None)  # the project's packages are not vLLM's
    return own if devices is None else {**own, "CUDA_VISIBLE_DEVICES": devices}


def _start(
    python: Path, folder: Path, options: Sequence[str], *, environment: Mapping[str, str], log: Path
) -> _Started:
    port = _free_port()
    argv = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder.absolute())]
    argv += ["--host", "127.0.0.1", "--port", str(port)]
    # The model's own sampling defaults stay out, and a reply's log probabilities are the model's, at temperature 1.
    argv += ["--generation-config", "vllm", "--logprobs-mode", "raw_logprobs", "--enable-prefix-caching"]
    argv += ["--uvicorn-log-level", "warning"]
    argv += options
    log_start = log.stat().st_size if log.exists() else 0
    guarded = Guarded.start(argv, env=environment, log=log, grace_seconds=_GRACE_SECONDS)
    logger.info("vLLM server for %s on port %d under guard %d, log %s", folder, port, guarded.process.pid, log)
    return _Started(f"http://127.0.0.1:{port}", log, log_start, guarded)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(server: _Started, folder: Path) -> None:
    """Until the server answers, and has decoded one token: some models it loads and cannot decode."""
    began = told = time.monotonic()
    while not _answers(server.url):
        now = time.monotonic()
        if server.guarded.process.poll() is not None or now - began > _START_SECONDS:
            raise VllmError(f"The vLLM server for {folder} did not start.\n{_last_words([server])}")
        if now - told > _TELL_SECONDS:
            told = now
            logger.info("vLLM server %s is starting, for %.0f s; log %s", server.url, now - began, server.log)
        time.sleep(_POLL_SECONDS)
    body = {"model": str(folder.absolute()), "prompt": [0], "max_tokens": 1, "temperature": 0.0}
    try:
        with httpx.Client(trust_env=False, timeout=_PROBE_SECONDS) as http:
            response = http.post(f"{server.url}/v1/completions", json=body)
        problem = (
            "" if response.status_code == httpx.codes.OK else f"HTTP {response.status_code}: {response.text[:300]}"
        )
    except httpx.HTTPError as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise VllmError(f"The vLLM server for {folder} decodes nothing ({problem}).\n{_last_words([server])}")
    logger.info("vLLM server %s answers after %.0f s", server.url, time.monotonic() - began)


def _answers(url: str) -> bool:
    try:
        with httpx.Client(trust_env=False, timeout=10.0) as http:
            return http.get(f"{url}/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _last_words(started: Sequence[_Started]) -> str:
    """What the logs say in the end: the errors in them where there are any, else the last lines."""
    parts = []
    for server in started:
        with server.log.open("rb") as file:
            file.seek(server.log_start if server.log_start <= server.log.stat().st_size else 0)
            lines = file.read().decode("utf-8", errors="replace").splitlines()
        errors = dict.fromkeys(_PREFIX.sub("", line).strip() for line in lines if _ERROR_LINE.search(line))
        chosen = list(errors)[-3:] or lines[-_NUM_LOG_LINES:]
        parts.append("\n".join([f"From {server.log}:", *(f"  {line[:300]}" for line in chosen)]))
    return "\n".join(parts)
