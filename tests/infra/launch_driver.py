"""Launches a run from a process of its own, for tests that start it on another host; prints what it said."""

import sys
from pathlib import Path

from infra.cluster import Cluster
from infra.launch import LaunchError, launch

if __name__ == "__main__":
    _spec = Path(sys.argv[2])
    try:
        launch(
            Cluster.model_validate_json(sys.argv[1]),
            spec_file=_spec,
            log_folder=_spec.parent / "ranks",
            on_line=print,
        )
    except LaunchError as _error:
        sys.exit(f"refused or failed: {_error}")
