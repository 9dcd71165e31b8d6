"""What node-local storage asks for: the code and a run's inputs copied to each node, by rsync through the remote shell.

What is there and unchanged is not sent again. Nothing is copied back: rank 0's node, where the run is started, writes
the model and the step log; each node keeps the shards of its own ranks' states. Knows folders, not what they hold.

Example::

    give(cluster, hosts=["node-b"], paths=[Path("models/base/large"), Path("data/tokenize/examples.parquet")])
"""

import json
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.cluster import Cluster
from infra.launch import remote_shell
from infra.launch.failures import LaunchError
from infra.launch.job import PROJECT
from infra.processes import run_in_group

logger = logging.getLogger(__name__)

# --relative: to the same place there. --copy-links: a hub's snapshot is made of links into a store of blobs.
_OPTIONS = ("-a", "--relative", "--no-implied-dirs", "--copy-links", "--partial", "--timeout=120")
_CODE = ("s1", "infra")
_NUM_WORDS = 5


def give(cluster: Cluster, *, hosts: Sequence[str], paths: Sequence[Path]) -> None:
    """Copy the code and the given files and folders to the same places on other hosts.

    Raises:
        LaunchError: no rsync, a host that cannot be reached, or a full disk; the message holds rsync's words.
    """
    sources = [*(str(PROJECT / name) for name in _CODE), *(str(path.resolve()) for path in paths)]
    template = json.dumps(list(cluster.ssh.remote_shell))
    for host in hosts:
        shell = shlex.join([sys.executable, "-I", "-S", remote_shell.__file__, template, host])
        said: list[str] = []
        argv = ["rsync", *_OPTIONS, "--exclude=__pycache__", "-e", shell, *sources, "host:/"]
        try:
            status = run_in_group(argv, on_line=said.append)
        except FileNotFoundError as error:
            raise LaunchError(
                "storage node-local copies by rsync, which is not on PATH; install it, or use storage: shared"
            ) from error
        if status != 0:
            words = "\n".join(said[-_NUM_WORDS:])
            raise LaunchError(
                f"training was not started:\ncannot copy to {host}: rsync, which must be there too, ended with status "
                f"{status}:\n{words}"
            )
        logger.info("copied code and inputs to %s", host)
