"""A real Prefect server that has a deployment of every form, and nobody who runs anything."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.form_schema import parameter_schema
from flows.forms import form_for, form_values
from flows.groups import GROUPS
from infra.prefect_server import run_server
from infra.settings import quiet_environment
from s1.config import load_params
from tests.flows.sending import send

PROJECT = Path(__file__).resolve().parents[2]
PIPELINE = PROJECT / "dvc.yaml"
NANO: dict[str, Any] = load_params(PROJECT / "profiles/nano.yaml").model_dump(mode="json")


@dataclass(frozen=True)
class FormServer:
    api: httpx.Client
    url: str
    deployments: dict[str | None, str]
    """Group (None: the whole chain) -> id of its deployment."""

    def create_run(self, group: str | None, parameters: dict[str, Any]) -> httpx.Response:
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return send(self.api, f"/deployments/{self.deployments[group]}/create_flow_run", body)

    def params_of(self, flow_run_id: str) -> Any:
        return self.api.get(f"/flow_runs/{flow_run_id}").raise_for_status().json()["parameters"]["params"]


@contextmanager
def serve_forms(folder: Path) -> Iterator[FormServer]:
    """Serve from an empty folder, which has to be the working directory."""
    environment = {**quiet_environment(os.environ), "PREFECT_HOME": str(folder), "PREFECT_SERVER_UI_API_URL": "/api"}
    with run_server(environment) as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.api_url, timeout=60.0, trust_env=False) as api:
            deployments = {group: _deploy(api, group) for group in (None, *GROUPS)}
            yield FormServer(api, server.api_url.removesuffix("/api"), deployments)


@pytest.fixture(scope="module")
def form_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FormServer]:
    """The server for all tests of a module."""
    folder = tmp_path_factory.mktemp("forms")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with serve_forms(folder) as running:
            yield running


def _deploy(api: httpx.Client, group: str | None) -> str:
    form = form_for(group, pipeline=PIPELINE)
    flow = send(api, "/flows/", {"name": group or "s1"}).raise_for_status().json()
    deployment = {
        "name": "nano",
        "flow_id": flow["id"],
        "parameters": {"params": form_values(form, NANO)},
        "parameter_openapi_schema": parameter_schema(form),
        "enforce_parameter_schema": True,
    }
    return str(send(api, "/deployments/", deployment).raise_for_status().json()["id"])
