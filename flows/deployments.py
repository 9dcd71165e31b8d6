"""What the Prefect UI offers: a deployment of every flow for every profile.

Knows Prefect's client; does not know what the flows do. Run again it only refreshes. A profile is a file in
``profiles/``: its values are what the form shows first. Importing this module imports Prefect.

Example::

    deploy(work_pool="s1", home=Path.cwd())         # ['s1/nano', 'curate/nano', …]
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.utilities.processutils import command_to_string

from flows.deployed import profile_version
from flows.form_schema import parameter_schema
from flows.forms import form_for, form_values
from flows.groups import CHAIN, GROUPS
from flows.profiles import PROFILES
from infra.pipeline import PIPELINE, read_pipeline
from s1.config import ParamsError, load_params

_MODULE = "flows.deployed."
_WHOLE = "The whole chain: from questions to the report."
_HOW = (
    " Stages that are up to date are not run again. Each run has a workspace of its own; its results come back to the "
    "checkout as a DVC experiment of the run's name, and its figures go to MLflow."
)


class DeploymentError(ValueError):
    """Nothing can be offered on this server; the message says why and what to do."""


def deploy(*, work_pool: str, home: Path) -> list[str]:
    """Create or refresh all deployments on the server that ``PREFECT_API_URL`` names; returns their names.

    Args:
        home: the checkout that runs start from; a worker of the pool has to see it under this path.
    """
    stages = read_pipeline(home / PIPELINE).keys()
    groups = [None, *(name for name, group in GROUPS.items() if stages >= set(group.stages))]
    profiles = _load_profiles(home)
    with get_client(sync_client=True) as client:
        present = {_name(client, item): item for item in client.read_deployments(limit=200)}
        _refuse_other_checkouts(present.values(), home, work_pool)
        names = []
        for group in groups:
            form = form_for(group)
            schema = parameter_schema(form)
            for path, params in profiles.items():
                name = f"{group or CHAIN}/{path.stem}"
                wanted = _describe(group, path, work_pool, home)
                wanted |= {"parameters": {"params": form_values(form, params)}, "parameter_openapi_schema": schema}
                if not _is_there(present.get(name), wanted):
                    flow_id = client.create_flow_from_name(group or CHAIN)
                    client.create_deployment(flow_id=flow_id, name=path.stem, **wanted)
                names.append(name)
        for name, deployment in present.items():
            if name not in names and deployment.work_pool_name == work_pool and _is_ours(deployment):
                client.delete_deployment(deployment.id)  # its profile or its stages are gone
    return names


def _load_profiles(home: Path) -> dict[Path, dict[str, Any]]:
    """File -> values of every profile that can be used."""
    found = {}
    for path in sorted((home / PROFILES).glob("*.yaml")):
        try:
            found[path] = load_params(path).model_dump(mode="json")
        except ParamsError as error:
            print(f"Warning: left out of the UI: {error}", file=sys.stderr)
    return found


def _name(client: SyncPrefectClient, deployment: DeploymentResponse) -> str:
    return f"{client.read_flow(deployment.flow_id).name}/{deployment.name}"


def _is_ours(deployment: DeploymentResponse) -> bool:
    return (deployment.entrypoint or "").startswith(_MODULE)


def _refuse_other_checkouts(deployments: Iterable[DeploymentResponse], home: Path, work_pool: str) -> None:
    """Two checkouts on one Prefect database would start each other's runs."""
    for deployment in deployments:
        folder = Path((deployment.job_variables or {}).get("working_dir") or home)
        is_other = folder.resolve() != home.resolve() and (folder / PIPELINE).is_file()
        if is_other and deployment.work_pool_name == work_pool and _is_ours(deployment):
            raise DeploymentError(
                f"This Prefect belongs to the checkout {folder}, whose runs would start here. Give every checkout a "
                "history of its own: another S1_POSTGRES_URL (another server), or none, which keeps it in the checkout."
            )


def _describe(group: str | None, profile: Path, work_pool: str, home: Path) -> dict[str, Any]:
    """A deployment without its form."""
    purpose = _WHOLE if group is None else f"{GROUPS[group].purpose} Brings in what it needs from before."
    return {
        "version": profile_version(profile),
        "description": purpose + _HOW,
        "work_pool_name": work_pool,
        "entrypoint": f"{_MODULE}{group or CHAIN}",
        "enforce_parameter_schema": True,
        "tags": [profile.stem, _extent(group)],
        "job_variables": {
            "command": command_to_string([sys.executable, "-m", "flows.engine"]),
            "working_dir": str(home.resolve()),
        },
    }


def _is_there(deployment: DeploymentResponse | None, wanted: Mapping[str, Any]) -> bool:
    """Whether the server has a deployment as it should be; sending it again would take the server half a second."""
    return deployment is not None and all(getattr(deployment, key) == value for key, value in wanted.items())


def _extent(group: str | None) -> str:
    """Which stages a deployment is about, in the few words that fit beside it in the UI's list."""
    return "whole chain" if group is None else f"{GROUPS[group].stages[0]} to {GROUPS[group].stages[-1]}"
