"""Entry of one stage, what ``dvc.yaml`` calls: ``python -m flows.stage <stage>``.

Knows who watches (terminal, Prefect, MLflow) and how a process ends; does not know what any stage does
(``tasks.runner``). With a parent flow run and a Prefect server that answers, the stage is a child flow run
(``flows.observed``); else it is plain code, and Prefect is not even imported. Under a parent flow the parent writes to
MLflow; without one, a thread of this process does (``infra.recorder`` says why).

Example::

    python -m flows.stage curate
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import FrameType

from infra.missing import explain_missing

try:
    from infra.failures import EXIT_TERMINATED, EXIT_USAGE, explain, log_traceback
    from infra.figures import flatten_params
    from infra.pipeline import find_stage
    from infra.progress import TerminalProgress
    from infra.provenance import find_invocation
    from infra.recorder import Recorder, recording
    from infra.redaction import redact_logging
    from infra.settings import LOGS_FOLDER, Settings, home_folder, quiet_environment
    from infra.spool import Spool
    from s1.config import load_params
    from tasks.runner import PARAMS, Observers, run_directly, run_stage
    from tasks.stage import Progress, ShardRunner
except ModuleNotFoundError as missing:
    sys.exit(explain_missing(missing))

Execute = Callable[[Progress, ShardRunner], None]
"""Runs the stage, telling its progress to the first and its shards to the second."""


def main(argv: Sequence[str]) -> int:
    """Run one stage and return the process's exit code; errors are explained on the error stream."""
    os.environ.update(quiet_environment())
    os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' progress bars; the stage tells its own
    logging.basicConfig(level=logging.WARNING, format="  %(levelname)s %(name)s: %(message)s")
    redact_logging()
    signal.signal(signal.SIGTERM, _leave)
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: python -m flows.stage <stage>   (dvc.yaml lists the stages)", file=sys.stderr)
        return EXIT_USAGE
    name = argv[0]
    try:
        find_stage(name)
        _run(name, Settings.from_environment())
    except BaseException as error:
        return _report_failure(name, error)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


def _run(name: str, settings: Settings) -> None:
    invocation = settings.invocation or find_invocation()
    spool = Spool(invocation, name)
    spool.start()
    recorder = None if settings.invocation else _start_recorder(name, settings, invocation)
    with recording(recorder, warn=_warn, stage=name) if recorder is not None else nullcontext():
        spool.write_receipt(_execute(name, settings, spool))


def _warn(warning: str) -> None:
    print(f"  Warning: {warning}", file=sys.stderr)


def _start_recorder(name: str, settings: Settings, invocation: str) -> Recorder:
    params = load_params(PARAMS)  # before MLflow is touched: wrong parameters leave no run behind
    recorder = Recorder(settings, invocation=invocation)
    recorder.open_stage(name, params=flatten_params(params.dump(find_stage(name).params)))
    return recorder


def _execute(name: str, settings: Settings, spool: Spool) -> str | None:
    """Run the stage; return the id of its Prefect flow run, if it had one."""
    terminal = TerminalProgress(name)

    def execute(progress: Progress, run_shard: ShardRunner) -> None:
        run_stage(name, Observers(progress=progress, run_shard=run_shard, track_step=spool.add_step))

    if settings.parent_flow_run_id is not None and settings.prefect_api_url is not None:
        from infra.prefect_server import answers_again

        if answers_again(settings.prefect_api_url, home=home_folder(Path.cwd())):
            from flows.observed import run_as_child

            return run_as_child(name, execute, parent_flow_run_id=settings.parent_flow_run_id, terminal=terminal)
        print(f"  Warning: no Prefect server at {settings.prefect_api_url}; running without it", file=sys.stderr)
    execute(terminal, run_directly)
    return None


def _report_failure(name: str, error: BaseException) -> int:
    failure = explain(error)
    log = log_traceback(error, name)
    print(f"{name}: {failure.message}", file=sys.stderr)
    if not failure.expected:
        place = f"The traceback is in {log}." if log is not None else f"{LOGS_FOLDER} cannot be written."
        print(f"{place} If the input is sound this is a fault of the program; please report it.", file=sys.stderr)
    return failure.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
