"""Serves the history of runs: MLflow's and Prefect's UI over what lies in this checkout, until Ctrl-C.

Knows two servers' commands; does not know what they show. For local looking only: both listen on 127.0.0.1.

Example::

    python -m flows.ui --mlflow-port 5000 --prefect-port 4200
"""

import argparse
import errno
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

from infra.failures import EXIT_USAGE
from infra.prefect_server import run_server
from infra.processes import run_in_group
from infra.settings import MLFLOW_FOLDER, Settings, quiet_environment


def main(argv: Sequence[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.ui", description="Serve the history of runs.")
    parser.add_argument("--mlflow-port", type=int, default=5000)
    parser.add_argument("--prefect-port", type=int, default=4200)
    arguments = parser.parse_args(argv)
    for port, variable in ((arguments.mlflow_port, "MLFLOW_PORT"), (arguments.prefect_port, "PREFECT_PORT")):
        if not _is_free(port):
            print(
                f"Port {port} is in use, perhaps by a server from before. Stop it, or choose another: "
                f"make ui {variable}={port + 1}",
                file=sys.stderr,
            )
            return EXIT_USAGE
    environment = quiet_environment()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with run_server(environment, port=arguments.prefect_port) as server:
            print(f"Prefect: {server.api_url.removesuffix('/api')}", flush=True)
            print(f"MLflow:  http://127.0.0.1:{arguments.mlflow_port}   (Ctrl-C ends both)", flush=True)
            return run_in_group(mlflow_command(arguments.mlflow_port), env=environment)
    except (KeyboardInterrupt, SystemExit):
        return 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def mlflow_command(port: int) -> list[str]:
    """Command line of an MLflow server over the store that runs write to."""
    settings = Settings.from_environment()
    MLFLOW_FOLDER.mkdir(exist_ok=True)
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", settings.tracking_uri, "--workers", "1"),
    ]


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
