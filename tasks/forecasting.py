"""What training is expected to cost before it has ever run here: its plan's GPU-hours at today's price.

Knows the examples and the base model, if they are there yet; ``infra.forecast`` puts it beside what other stages took.

Example::

    forecast_training(params.train, seed=params.seed)       # StageForecast('train', 10.2, 960.0, 'its plan')
"""

from infra.cluster import load_cluster
from infra.forecast import StageForecast
from s1.artifacts import ArtifactError
from s1.config import TrainParams
from s1.planning import PlanError
from s1.training.examples import read_examples
from tasks.paths import EXAMPLES
from tasks.planning import base_shape, lengths_of, plan_run

_SECONDS_PER_MINUTE = 60.0


def forecast_training(train: TrainParams, *, seed: int) -> StageForecast | None:
    """The stage's expected cost; None on CPUs, before there are examples, and where the run does not fit.

    A run that does not fit is refused by the stage itself, with what would.
    """
    try:
        lengths = lengths_of(read_examples(EXAMPLES))
        planned = plan_run(load_cluster(), train=train, seed=seed, shape=base_shape(), lengths=lengths)
    except (ArtifactError, PlanError):
        return None
    estimate, usd = planned.plan.estimate, planned.usd_per_gpu_hour
    if estimate is None or usd is None:
        return None
    seconds = estimate.total_minutes.mid * _SECONDS_PER_MINUTE
    return StageForecast("train", estimate.gpu_hours.mid * usd, seconds, "its plan")
