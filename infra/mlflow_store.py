"""The database behind MLflow made ready before a server runs over it: set up once, and refused with advice when old.

Knows databases that MLflow can use; does not know servers. Importing MLflow costs seconds and some 250 MB, so a
process that lives on calls this module as a command.

Example::

    python -m infra.mlflow_store sqlite:////home/me/s1/mlruns/mlflow.db     # nothing, or what is wrong and what to do
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from infra.settings import MLFLOW_FOLDER, Settings, quiet_environment, without_password
from infra.tracking import Tracking, TrackingError


def prepare_store(settings: Settings) -> None:
    """Set up the database and the experiment, whose artifacts lie in the checkout by their file's address.

    Args:
        settings: ``tracking_uri`` is the database itself (SQLite or PostgreSQL), not a server.

    Raises:
        TrackingError: the database was made by another MLflow, cannot be reached, or is none.
    """
    try:
        Tracking.connect(settings)
    except TrackingError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy or the database's driver
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        place = without_password(settings.tracking_uri)
        raise TrackingError(f"MLflow's store {place} cannot be used: {first} {_advice(first, place)}") from error


def _advice(told: str, place: str) -> str:
    if "database schema" in told or "Can't locate revision" in told:
        return (
            f"Another version of MLflow wrote it. Copy {MLFLOW_FOLDER}/ aside and run `mlflow db upgrade {place}`, or "
            "move the database away to begin a new history; results lie in DVC, not there."
        )
    return "Check the address and that the database answers, or move a damaged file away to begin a new history."


def main(argv: Sequence[str]) -> int:
    """Prepare the store at the given address; return the process's exit code."""
    os.environ.update(quiet_environment())
    settings = Settings.from_environment()
    try:
        prepare_store(replace(settings, tracking_uri=argv[0]) if argv else settings)
    except TrackingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
