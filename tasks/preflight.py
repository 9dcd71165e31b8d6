"""Whether the plan holds on the network, measured before training where it is asked for.

Two public runs of this recipe took 3 and 18 hours for 26 minutes' work; if their networks were to blame, half a minute
of all-gathers would have told. Knows plans and launches; the measurement is ``s1.training.bandwidth``.

Example::

    report = measure_network(cluster, folder=Path(".s1/work/train/3f"))
    check_network(planned, report, replan=replan)           # PlanError: the network carries 2.7 Gb/s per GPU …
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from infra.cluster import Cluster
from infra.launch import run_ranks
from s1.planning import PlanError
from s1.planning.traffic import LINK_SHARE
from s1.training.bandwidth import NetworkReport
from tasks.planning import PlannedRun

_VARIABLE = "S1_PREFLIGHT"
_TOLERANCE = 1.25
"""A plan that takes this many times as long on the measured network is refused."""

logger = logging.getLogger(__name__)


def wants_preflight(cluster: Cluster) -> bool:
    """Whether cluster file or environment ask for the measurement, and there is something to measure."""
    return cluster.num_ranks > 1 and (cluster.preflight or os.environ.get(_VARIABLE) == "1")


def measure_network(cluster: Cluster, *, folder: Path) -> NetworkReport:
    """Run all-gathers on all ranks; about half a minute.

    Raises:
        LaunchError: ranks died, or could not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    output = (folder / "network.json").resolve()
    run_ranks(cluster, rank_argv=["--bandwidth", str(output)], log_folder=folder / "preflight")
    return NetworkReport.model_validate_json(output.read_bytes())


def check_network(planned: PlannedRun, report: NetworkReport, *, replan: Callable[[Cluster], PlannedRun]) -> None:
    """Compare the plan with one for the measured network.

    Args:
        replan: plans the same run on a cluster with another network.

    Raises:
        PlanError: training would take over a quarter longer; says how to go on.
    """
    across = report.across_nodes_gbits_per_rank
    logger.info(
        "network measured: %s Gb/s per rank inside a node, %s across nodes",
        _shown(report.in_node_gbits_per_rank),
        _shown(across),
    )
    if planned.plan.estimate is None or across is None:
        return
    nominal = round(across / LINK_SHARE, 1)
    again = replan(planned.cluster.model_copy(update={"network_gbits_per_gpu": nominal})).plan.estimate
    if again is None or again.minutes.mid <= _TOLERANCE * planned.plan.estimate.minutes.mid:
        return
    raise PlanError(
        f"the network carries {across:.1f} Gb/s per GPU between nodes, so training would take "
        f"{again.minutes.mid:.0f} minutes, not {planned.plan.estimate.minutes.mid:.0f} as planned. Nothing started. "
        "Look at the network first (NCCL_DEBUG=INFO shows whether it uses InfiniBand or plain TCP). To train on it all "
        f"the same, set network_gbits_per_gpu: {nominal} in the cluster's file; then the plan starts from that"
    )


def _shown(gbits: float | None) -> str:
    return "no" if gbits is None else f"{gbits:.1f}"
