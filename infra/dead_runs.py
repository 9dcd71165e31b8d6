"""Closes MLflow runs whose process was killed: they would show as running for ever.

Knows which process a run belongs to (the tag ``s1.invocation``); does not know what the run was. Runs of other hosts
and of processes that live are left alone. Importing MLflow costs seconds and some 200 MB, so a process that lives on
calls this module as a command.

Example::

    python -m infra.dead_runs       # of the store that MLFLOW_TRACKING_URI names, else the checkout's own
"""

import os
import sys

from infra.provenance import has_ended
from infra.settings import Settings, quiet_environment
from infra.tracking import Tracking


def close_dead_runs(settings: Settings) -> int:
    """Set the runs KILLED whose process is gone; return how many.

    Raises:
        Exception: whatever MLflow raises when its store cannot be reached.
    """
    return close_dead_runs_of(Tracking.connect(settings))


def close_dead_runs_of(tracking: Tracking) -> int:
    """The same, of a store that is open already."""
    ended: dict[str, bool] = {}
    num_closed = 0
    for run in tracking.find_running():
        if run.invocation not in ended:
            ended[run.invocation] = has_ended(run.invocation)
        if ended[run.invocation]:
            tracking.end_run(run.run_id, "KILLED")
            num_closed += 1
    return num_closed


def main() -> int:
    """Close dead runs; an error ends the process as Python's errors do."""
    os.environ.update(quiet_environment())
    close_dead_runs(Settings.from_environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
