"""Entry of one flow run that a Prefect worker starts: ``python -m flows.engine``, named in the deployments.

Does three things around Prefect's own engine: it watches the worker, so that a worker's death (even by ``kill -9``)
ends the run and its processes; it holds the flow run's claim, so that the keeper (``infra.services``) sees at once when
this process is gone; and it keeps Prefect quiet on the terminal. Does not know what the flow does.
"""

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

from infra.locks import claim
from infra.redaction import redact_logging
from infra.settings import CLAIMS_FOLDER, quiet_environment

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_END = 8.0
"""Between asking the flow to end (Prefect then marks it as crashed) and killing it; the stage's guard needs five."""


def main() -> int:
    """Run Prefect's engine on the flow run that the environment names."""
    flow_run_id = os.environ.get("PREFECT__FLOW_RUN_ID")
    if flow_run_id is None:
        print("flows.engine is started by a Prefect worker; `make up` starts one.", file=sys.stderr)
        return 2
    os.environ.update(quiet_environment())
    redact_logging()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with claim(Path.cwd() / CLAIMS_FOLDER, flow_run_id):
        runpy.run_module("prefect.engine", run_name="__main__")
    return 0


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_END)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
