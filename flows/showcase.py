"""Keeps the page of a flow run in Prefect up to date: one Markdown artifact, written again after every stage.

Knows Prefect's artifacts; what the page says is ``flows.run_page``'s business. The artifact has no key: by one, Prefect
leads from a run to the list of all runs' artifacts of that key, not to its own. Whatever Prefect refuses costs a
warning, never the run. Importing this module imports Prefect.

Example::

    showcase = Showcase(recorder)
    showcase.stage_ended("select", reused=False)
    showcase.close()
"""

import logging
from typing import cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.runtime import flow_run

from flows.run_page import write_page
from infra.recorder import Recorder

logger = logging.getLogger(__name__)

_SECONDS_FOR_MLFLOW = 20.0
"""MLflow's thread may still be importing it when a short run ends."""


class Showcase:
    """The page of one flow run; call it from the flow itself, so that the artifact belongs to the run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ended: list[tuple[str, bool]] = []
        self._artifact: UUID | None = None

    def stage_ended(self, stage: str, *, reused: bool) -> None:
        """Show what this stage has added."""
        self._ended.append((stage, reused))
        self._publish(mlflow_seconds=0.0)

    def close(self) -> None:
        """Show everything, the links to MLflow included."""
        self._publish(mlflow_seconds=_SECONDS_FOR_MLFLOW)

    def _publish(self, *, mlflow_seconds: float) -> None:
        try:
            text = write_page(self._ended, mlflow_url=self._recorder.parent_run_url(wait_seconds=mlflow_seconds))
            if self._artifact is None:
                self._artifact = cast(UUID, create_markdown_artifact(text, description=_label(flow_run.run_count)))
            else:
                with get_client(sync_client=True) as client:
                    client.update_artifact(self._artifact, ArtifactUpdate(data=text))
        except Exception as error:
            logger.warning("Prefect shows less of this run: %s: %s", type(error).__name__, str(error)[:200])


def _label(run_count: int) -> str:
    """What the artifact's card says, in the 30 letters that fit; a retried run has a page for each try."""
    return "Curve, cost, funnel, links" if run_count <= 1 else f"The same of try {run_count}"
