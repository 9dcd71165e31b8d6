"""The whole chain with one command: ``python -m flows.chain``, what ``make demo`` runs.

Knows how a run begins and ends: checks, the Prefect server, the recorder, the table at the end. The order of stages
comes from DVC's graph; what one stage does is none of its business. With ``PREFECT_API_URL`` set that server is used,
else one is started for the time of the run.

Example::

    python -m flows.chain                           # everything that is stale
    python -m flows.chain --stages score report     # these only
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

import yaml

try:
    from infra.failures import EXIT_TERMINATED, explain, log_traceback
    from infra.pipeline import PipelineError, read_pipeline
    from infra.prefect_server import PrefectServerError, Server, answers, run_server
    from infra.provenance import find_invocation
    from infra.recorder import Recorder
    from infra.settings import MLFLOW_FOLDER, STATE_FOLDER, Settings, quiet_environment
    from infra.tracking import RunStatus
    from s1.config import Params, load_params
    from tasks.paths import METRICS_FOLDER, REPORT
    from tasks.runner import PARAMS
except ModuleNotFoundError as missing:  # infra.failures has this message too, but may be what cannot be imported
    sys.exit(
        f"Python does not find the package {missing.name!r}. Activate the project's environment "
        "(`. .venv/bin/activate`; `make install` makes it) and run again."
    )

UI_URL = "http://127.0.0.1:4200"
"""Where ``make ui`` serves the history of runs whose server has ended."""


class ChainRefusedError(ValueError):
    """The chain cannot start; the message says why and what to do."""


def main(argv: Sequence[str]) -> int:
    """Run the chain and return the process's exit code; errors are explained on the error stream."""
    arguments = _parse(argv)
    os.environ.update(quiet_environment())
    signal.signal(signal.SIGTERM, _leave)  # Prefect hands the signal on to it once the flow run is marked
    started = time.monotonic()
    try:
        with _only_run():
            params = load_params(PARAMS)
            mend_lock(Path("dvc.lock"))
            stages = order_stages(arguments.stages)
            ran = _run(stages, params)
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
def _only_run() -> Iterator[None]:
    """Hold the checkout: a second run would meet DVC's locks half way."""
    STATE_FOLDER.mkdir(exist_ok=True)
    with (STATE_FOLDER / "chain.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise ChainRefusedError(
                f"another run (process {owner}) is using this checkout. Wait for it, or use a second clone."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def mend_lock(path: Path) -> None:
    """Move a ``dvc.lock`` aside that a killed DVC has left half written: DVC writes it in place.

    Nothing is computed again for it: DVC's run cache knows the outputs of every stage that has ended.
    """
    if not path.is_file() or _is_whole(path):
        return
    broken = STATE_FOLDER / "dvc.lock.broken"
    path.replace(broken)
    print(
        f"{path} was cut short by a run that was killed; it now lies in {broken}, and DVC makes a new one.", flush=True
    )


def _is_whole(lock: Path) -> bool:
    try:
        content = yaml.safe_load(lock.read_text(encoding="utf-8"))
        entries = [item for stage in content["stages"].values() for item in stage.get("outs", [])]
        return bool(entries) and all(item["path"] and item["md5"] and item["size"] is not None for item in entries)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        return False


def order_stages(chosen: Sequence[str]) -> list[str]:
    """Stages to run, each after those it needs, as DVC's graph has it; ties in the order of ``dvc.yaml``.

    Raises:
        PipelineError: a chosen stage does not exist.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    position = {name: number for number, name in enumerate(read_pipeline())}
    unknown = [name for name in chosen if name not in position]
    if unknown:
        raise PipelineError(f"there is no stage {', '.join(unknown)}; stages: {', '.join(position)}")
    try:
        with Repo() as repo:
            graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
    except DvcException as error:
        raise ChainRefusedError(f"DVC refuses this folder: {error}") from error
    order = networkx.lexicographical_topological_sort(graph.reverse(), key=lambda name: position.get(name, 0))
    return [name for name in order if name in position and (not chosen or name in chosen)]


def _run(stages: list[str], params: Params) -> list[str]:
    settings = Settings.from_environment()
    invocation = find_invocation()
    recorder = Recorder(settings, invocation=invocation)
    status: RunStatus = "FAILED"
    try:
        with _prefect(settings) as server:
            ran = _run_flow(stages, params, recorder, invocation, server)
        status = "FINISHED"
        return ran
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        warning = recorder.close(status)
        if warning is not None:
            print(f"Warning: {warning}", file=sys.stderr)


@contextmanager
def _prefect(settings: Settings) -> Iterator[Server | None]:
    """See to it that ``PREFECT_API_URL`` names a server that answers, or soon will."""
    if settings.prefect_api_url is not None:
        if not answers(settings.prefect_api_url):
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


def _run_flow(
    stages: list[str], params: Params, recorder: Recorder, invocation: str, server: Server | None
) -> list[str]:
    # Imported while the server starts, and only now that PREFECT_API_URL is set: Prefect reads its settings once.
    from prefect.exceptions import TerminationSignal

    from flows.chain_flow import Watch, build_chain

    ui_url = UI_URL
    if server is None:
        ui_url = os.environ["PREFECT_API_URL"].removesuffix("/").removesuffix("/api")
    else:
        print(f"Starting Prefect for this run (its UI meanwhile: {server.api_url.removesuffix('/api')})", flush=True)
        server.wait_until_ready()
    watch = Watch(invocation, recorder, params)
    flow = build_chain(watch, name=f"s1-{datetime.now():%Y%m%d-%H%M%S}", ui_url=ui_url)
    try:
        ran: list[str] = flow(stages)
        return ran
    except TerminationSignal as error:
        raise SystemExit(EXIT_TERMINATED) from error


def print_summary(ran: Sequence[str], stages: Sequence[str], *, seconds: float) -> None:
    """Tell what the run gave: the table of accuracies, the report, and where to look further."""
    from s1.report.terminal import render_table

    scores = METRICS_FOLDER / "score.json"
    if "score" in stages and scores.is_file():
        print("\n" + render_table(json.loads(scores.read_text(encoding="utf-8"))))
    print(f"\n{len(ran)} of {len(stages)} stages ran in {seconds:.0f} s, the others were up to date.")
    if REPORT.is_file():
        print(f"Report:  {REPORT.absolute()}")
    print(f"History: make ui   (MLflow at http://127.0.0.1:5000 from {MLFLOW_FOLDER}/, Prefect at {UI_URL})")


def _report_failure(error: BaseException) -> int:
    failure = explain(error)
    log = log_traceback(error, "chain")
    print(f"\n{failure.message}", file=sys.stderr)
    if not failure.expected and log is not None:
        print(f"The traceback is in {log}.", file=sys.stderr)
    return failure.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
