"""A run that is about to cost more than a limit waits for a person's word, with the table to decide on.

Knows Prefect's pause and the forecast; where the dollars come from is ``infra.forecast``'s business. Importing this
module imports Prefect.

Example::

    await_approval(forecast, limit_dollars=5.0, tell=tell)
"""

from prefect.artifacts import create_table_artifact
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field

from flows.watch import Tell
from infra.forecast import Forecast

TIMEOUT_SECONDS = 7 * 24 * 3600
"""After a week without a word the run fails; what earlier runs finished stays."""
_POLL_SECONDS = 3
_TABLE = "s1-approval"


class Approval(RunInput):
    """The form that the Resume button opens."""

    approve: bool = Field(default=False, title="Spend it", description="Yes runs the stages; no ends the run.")


class NotApprovedError(ValueError):
    """A person declined the run."""


def exceeds(forecast: Forecast, *, limit_dollars: float) -> bool:
    """Whether somebody has to be asked: over the limit, or nobody knows."""
    return forecast.dollars > limit_dollars or bool(forecast.unknown)


def await_approval(forecast: Forecast, *, limit_dollars: float, tell: Tell) -> None:
    """Pause the current flow run until a person resumes it.

    Raises:
        NotApprovedError: the person said no.
    """
    reason = f"The stages to run are expected to cost {forecast.dollars:.4f} dollars; the limit is {limit_dollars:g}."
    if forecast.unknown:
        reason += f" Nobody knows yet what {', '.join(forecast.unknown)} cost."
    create_table_artifact(forecast.rows(), key=_TABLE, description=reason)
    tell(f"{reason} Waiting for approval: in Prefect, press Resume on this run (table: artifact {_TABLE}).")
    asked = Approval.with_initial_data(description=reason)
    answer = pause_flow_run(
        wait_for_input=asked,
        timeout=TIMEOUT_SECONDS,
        poll_interval=_POLL_SECONDS,
        key=f"approval-{flow_run.run_count}",  # Prefect takes an answer once: a retry asks under another name
    )
    if not answer.approve:
        raise NotApprovedError(f"Not approved, so nothing was run. {reason}")
    tell("Approved.")
