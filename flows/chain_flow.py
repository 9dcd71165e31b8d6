"""The parent flow: one Prefect task per DVC stage, in the order of DVC's graph, and what its page shows.

Knows the order of things within a run; how one stage runs is ``flows.dvc_stage``'s business, what the run's page shows
``flows.showcase``'s. Importing this module imports Prefect.

Example::

    build_chain(watch, name="s1-20250131-120000")(stages=["collect", "curate"])
"""

from collections.abc import Sequence

from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.dvc_stage import run_dvc_stage, url_tag
from flows.showcase import Showcase
from flows.watch import Watch
from infra.figures import flatten_params
from infra.locks import claim
from infra.redaction import redacting
from infra.settings import CLAIMS_FOLDER


def build_chain(watch: Watch, *, name: str) -> Flow[[list[str]], list[str]]:
    """The parent flow for the checkout itself; returns the stages that ran (the others were up to date)."""

    def chain(stages: list[str]) -> list[str]:
        with redacting(), claim(CLAIMS_FOLDER, str(flow_run.id)):
            return run_chain(stages, watch, name=name)

    return Flow(chain, name="s1", flow_run_name=name, persist_result=False, validate_parameters=False)


def run_chain(stages: Sequence[str], watch: Watch, *, name: str) -> list[str]:
    """Bring stages up to date within the current flow run; return those that ran.

    Raises:
        StageFailedError: a stage failed; the ones before it are finished and kept.
    """
    parent = str(flow_run.id)
    tags = {"prefect.flow_run_id": parent, **url_tag(watch.ui_url, parent)}
    watch.recorder.open_chain(name, params=flatten_params(watch.params.model_dump(mode="json")), tags=tags)
    showcase = Showcase(watch.recorder)
    ran = []
    for number, stage in enumerate(stages, start=1):
        watch.tell(f"[{number}/{len(stages)}] {stage}")
        has_run = _as_task(stage, parent, watch)()
        if has_run:
            ran.append(stage)
        showcase.stage_ended(stage, reused=not has_run)
    showcase.close()
    return ran


def _as_task(stage: str, parent: str, watch: Watch) -> "Task[[], bool]":
    def dvc_repro() -> bool:
        with redacting():
            return run_dvc_stage(stage, parent=parent, watch=watch)

    label = f"dvc repro {stage}"
    return Task(fn=dvc_repro, name=label, task_run_name=label, cache_policy=NO_CACHE, persist_result=False)
