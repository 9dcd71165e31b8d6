"""What the Prefect UI offers: a deployment of every flow for every profile.

Knows Prefect's client; does not know what the flows do. Run again it only refreshes. A profile is a file in
``profiles/``: its values are what the form shows first. Importing this module imports Prefect.

Example::

    deploy(work_pool="s1", home=Path.cwd())         # ['s1/nano', 'curate/nano', …]
"""

import sys
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.utilities.processutils import command_to_string

from flows.form_schema import parameter_schema
from flows.forms import form_for, form_values
from flows.groups import CHAIN, GROUPS
from infra.pipeline import PIPELINE, read_pipeline
from s1.config import load_params

PROFILES = Path("profiles")
_WHOLE = "The whole chain: from questions to the report."
_HOW = (
    " Stages that are up to date are not run again. Each run has a workspace of its own; its results come back to the "
    "checkout as a DVC experiment of the run's name, and its figures go to MLflow."
)


def deploy(*, work_pool: str, home: Path) -> list[str]:
    """Create or refresh all deployments on the server that ``PREFECT_API_URL`` names; returns their names.

    Args:
        home: the checkout that runs start from; a worker of the pool has to see it under this path.
    """
    profiles = sorted((home / PROFILES).glob("*.yaml"))
    stages = read_pipeline(home / PIPELINE).keys()
    groups = [name for name, group in GROUPS.items() if stages >= set(group.stages)]
    with get_client(sync_client=True) as client:
        return [_deploy(client, group, path, work_pool, home) for group in (None, *groups) for path in profiles]


def _deploy(client: SyncPrefectClient, group: str | None, profile: Path, work_pool: str, home: Path) -> str:
    flow_name = group or CHAIN
    form = form_for(group)
    values = load_params(profile).model_dump(mode="json")
    purpose = _WHOLE if group is None else f"{GROUPS[group].purpose} Brings in what it needs from before."
    client.create_deployment(
        flow_id=client.create_flow_from_name(flow_name),
        name=profile.stem,
        description=purpose + _HOW,
        work_pool_name=work_pool,
        entrypoint=f"flows.deployed.{flow_name}",
        parameters={"params": form_values(form, values)},
        parameter_openapi_schema=parameter_schema(form),
        enforce_parameter_schema=True,
        tags=["s1", profile.stem],
        job_variables={
            "command": command_to_string([sys.executable, "-m", "flows.engine"]),
            "working_dir": str(home.resolve()),
        },
    )
    return f"{flow_name}/{profile.stem}"
