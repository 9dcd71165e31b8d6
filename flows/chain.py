"""The whole chain with one command: ``python -m flows.chain``, what ``make demo`` runs.

Knows how a run begins and ends: checks, the Prefect server, the recorder, the table at the end. The order of stages
comes from DVC's graph; what one stage does is none of its business. With ``PREFECT_API_URL`` set that server is used,
else one is started for the time of the run.

Example::

    python -m flows.chain                           # everything that is stale
    python -m flows.chain --stages score report     # these only
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from infra.missing import explain_missing

try:
    import httpx
    from pydantic import JsonValue

    from flows.order import mend_lock, order_stages
    from flows.pinning import pin_sources
    from flows.watch import Watch
    from infra.failures import EXIT_TERMINATED, explain, log_traceback
    from infra.locks import Owner, describe_self, hold
    from infra.pipeline import DVC_LOCK
    from infra.prefect_server import PrefectServerError, Server, answers_again, run_server
    from infra.provenance import find_invocation
    from infra.recorder import Recorder, recording
    from infra.redaction import redact_logging
    from infra.services.api import PrefectApi
    from infra.services.options import WORK_POOL
    from infra.services.state import find_services
    from infra.services.sweep import sweep
    from infra.settings import CHAIN_LOCK, CLAIMS_FOLDER, MLFLOW_FOLDER, Settings, quiet_environment
    from s1.config import Params, load_params
    from s1.not_run import is_not_run
    from tasks.paths import METRICS_FOLDER, REPORT, RUN_IDENTITY
    from tasks.runner import PARAMS
except ModuleNotFoundError as missing:
    sys.exit(explain_missing(missing))

UI_URL = "http://127.0.0.1:4200"
"""Where ``make up`` serves the history of runs whose server has ended."""


def main(argv: Sequence[str]) -> int:
    """Run the chain and return the process's exit code; errors are explained on the error stream."""
    arguments = _parse(argv)
    os.environ.update(quiet_environment())
    redact_logging()
    signal.signal(signal.SIGTERM, _leave)  # Prefect hands the signal on to it once the flow run is marked
    started = time.monotonic()
    try:
        with _only_run() as lock:
            params = load_params(PARAMS)
            mended = mend_lock(DVC_LOCK)
            if mended is not None:
                print(mended, flush=True)
            for line in pin_sources(params):
                print(line, flush=True)
            stages = order_stages(arguments.stages)
            ran = _run(stages, params, lock)
            print_summary(ran, stages, seconds=time.monotonic() - started)
    except BaseException as error:
        return _report_failure(error)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.chain", description="Run the chain of dvc.yaml.")
    parser.add_argument("--stages", nargs="+", default=[], metavar="STAGE", help="only these, in the graph's order")
    return parser.parse_args(argv)


@contextmanager
def _only_run() -> Iterator[int]:
    """Hold the checkout: a second run would meet DVC's locks half way, so it waits for the first."""

    def on_wait(holder: Owner | None) -> None:
        print(f"Waiting for {holder or 'another run'}, which is using this checkout (Ctrl-C gives up).", flush=True)

    with hold(CHAIN_LOCK, describe_self("python -m flows.chain"), on_wait=on_wait) as lock:
        yield lock


def _run(stages: list[str], params: Params, lock: int) -> list[str]:
    _use_running_services()
    settings = Settings.from_environment()
    invocation = find_invocation()
    recorder = Recorder(settings, invocation=invocation)
    with recording(recorder, warn=_warn), _prefect(settings) as server:
        watch = Watch(invocation, recorder, params, ui_url=settings.prefect_ui_url or UI_URL, lock=lock)
        return _run_flow(stages, watch, server)


def _warn(warning: str) -> None:
    print(f"Warning: {warning}", file=sys.stderr)


@contextmanager
def _prefect(settings: Settings) -> Iterator[Server | None]:
    """See to it that ``PREFECT_API_URL`` names a server that answers, or soon will."""
    if settings.prefect_api_url is not None:
        if not answers_again(settings.prefect_api_url, home=Path.cwd()):
            raise PrefectServerError(
                f"no Prefect server answers at PREFECT_API_URL={settings.prefect_api_url}. Start it, or unset the "
                "variable to have one for the time of the run."
            )
        yield None
        return
    with run_server(os.environ) as server:
        os.environ["PREFECT_API_URL"] = server.api_url
        try:
            yield server
        finally:
            del os.environ["PREFECT_API_URL"]


def _use_running_services() -> None:
    """Talk to the servers of `make up`, if they run, where the user has not named others."""
    services = find_services(Path.cwd())
    if services is None:
        return
    for url in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        if not os.environ.get(url):  # a server of the user's own must not get our servers' credentials
            owner = url.split("_")[0]
            os.environ.update({name: value for name, value in services.env.items() if name.startswith(owner)})


def _run_flow(stages: list[str], watch: Watch, server: Server | None) -> list[str]:
    # Imported while the server starts, and only now that PREFECT_API_URL is set: Prefect reads its settings once.
    from prefect.exceptions import TerminationSignal

    from flows.chain_flow import build_chain
    from flows.runlog import open_run_log

    if server is not None:
        print(f"Starting Prefect for this run (its UI meanwhile: {server.api_url.removesuffix('/api')})", flush=True)
        server.wait_until_ready()
        _close_dead_runs(server.api_url)
    flow = build_chain(replace(watch, tell=open_run_log()), name=f"s1-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        ran: list[str] = flow(stages)
        return ran
    except TerminationSignal as error:
        raise SystemExit(EXIT_TERMINATED) from error


def _close_dead_runs(api_url: str) -> None:
    """Runs of this checkout that were killed say so from now on; with `make up`, its keeper sees to that."""
    with contextlib.suppress(httpx.HTTPError), PrefectApi(api_url, credentials=None) as api:
        sweep(api, claims=CLAIMS_FOLDER, worker_name="", work_pool=WORK_POOL, now=datetime.now(UTC))


def print_summary(ran: Sequence[str], stages: Sequence[str], *, seconds: float) -> None:
    """Tell what the run gave: the table of accuracies, the report, and where to look further."""
    from s1.comparing.identity import read_run_identity
    from s1.report.comparability import warnings_of
    from s1.report.counts import render_counts
    from s1.report.terminal import render_table

    metrics = {stage: _read_metrics(stage) for stage in stages}
    if "score" in stages and is_not_run(metrics["score"]):
        print("\n" + render_counts(metrics))
    elif "score" in stages and metrics["score"]:
        print("\n" + render_table(metrics["score"]))
        if RUN_IDENTITY.is_file():
            for warning in warnings_of(read_run_identity(RUN_IDENTITY)):
                print(f"Compare with care. {warning}")
    rest = ", the others were up to date" if len(ran) < len(stages) else ""
    print(f"\n{len(ran)} of {len(stages)} stages ran in {seconds:.0f} s{rest}.")
    if REPORT.is_file():
        print(f"Report:  {REPORT.absolute()}")
    print(f"History: make up   (MLflow at http://127.0.0.1:5000 from {MLFLOW_FOLDER}/, Prefect at {UI_URL})")


def _read_metrics(stage: str) -> dict[str, JsonValue]:
    path = METRICS_FOLDER / f"{stage}.json"
    figures: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return figures


def _report_failure(error: BaseException) -> int:
    failure = explain(error)
    log = log_traceback(error, "chain")
    print(f"\n{failure.message}", file=sys.stderr)
    if not failure.expected and log is not None:
        print(f"The traceback is in {log}.", file=sys.stderr)
    return failure.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
