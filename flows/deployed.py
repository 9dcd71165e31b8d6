"""The flows that the Prefect UI offers: the whole chain and each group of stages, every run in its own workspace.

Knows what one such run does from its form to its experiment; how stages run is ``flows.chain_flow``'s business, the
form ``flows.forms``'s. A worker imports this module in the checkout's root; importing it imports Prefect.

Example::

    deployments: s1/nano, curate/nano, distill/nano, train/nano, evaluate/nano
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled

from flows.approval import NotApprovedError, await_approval, exceeds
from flows.chain_flow import run_chain
from flows.forms import complete_params, form_for
from flows.groups import CHAIN, GROUPS
from flows.order import is_whole, mend_lock, order_stages, stale_stages
from flows.runlog import open_run_log
from flows.watch import Tell, Watch
from infra.cluster import load_cluster
from infra.experiments import ExperimentError, save_experiment
from infra.failures import explain
from infra.forecast import predict
from infra.locks import Owner, describe_self, hold
from infra.prices import load_prices
from infra.processes import run_in_group
from infra.provenance import find_invocation
from infra.recorder import Recorder
from infra.settings import CHAIN_LOCK, MLFLOW_FOLDER, STATE_FOLDER, WORKSPACES_FOLDER, Settings
from infra.tracking import RunStatus
from infra.workspace import clone_checkout, find_cache
from s1.artifacts import write_text_atomically
from s1.config import Params, Section, load_params
from s1.config.editing import change_params, differences
from tasks.paths import LEDGER_FOLDER

PROFILES = Path("profiles")
DVC_LOCK = Path("dvc.lock")


@dataclass(frozen=True, slots=True)
class Order:
    """What one run was asked for."""

    group: str | None
    """None: the whole chain."""
    profile: str
    params: Params
    params_text: str
    """The run's ``params.yaml``: the profile's, with the form's values in it."""
    approve_above_usd: float | None
    run_name: str
    flow_run_id: str

    @property
    def folder_name(self) -> str:
        """Runs of equal parameters share a workspace: one goes on where another was stopped."""
        digest = hashlib.sha256(self.params.model_dump_json().encode()).hexdigest()[:8]
        return f"{self.profile}-{digest}"


def build_flow(group: str | None) -> Flow[..., Any]:
    """The flow of one group of stages, or of the whole chain; its parameters are the group's form."""

    def run(params: Any, approve_above_usd: float | None = None) -> State[Any] | list[str]:
        tell = open_run_log()
        try:
            return _run(_take_order(group, params, approve_above_usd), tell)
        except NotApprovedError as error:
            tell(str(error))
            cancelled: State[Any] = Cancelled(message=str(error))
            return cancelled
        except Exception as error:
            tell(explain(error).message)
            raise

    run.__annotations__["params"] = form_for(group)
    return Flow(run, name=group or CHAIN, persist_result=False, validate_parameters=True)


def _take_order(group: str | None, form: Section, approve_above_usd: float | None) -> Order:
    profile = str(deployment.name)
    path = PROFILES / f"{profile}.yaml"
    default = load_params(path)
    text = path.read_text(encoding="utf-8")
    params = complete_params(form, yaml.safe_load(text))
    changes = differences(default.model_dump(mode="json"), params.model_dump(mode="json"))
    return Order(
        group=group,
        profile=profile,
        params=params,
        params_text=change_params(text, changes),
        approve_above_usd=approve_above_usd,
        run_name=str(flow_run.name),
        flow_run_id=str(flow_run.id),
    )


def _run(order: Order, tell: Tell) -> list[str]:
    home = Path.cwd()
    folder = (WORKSPACES_FOLDER / order.folder_name).absolute()
    with _lock_workspace(folder, order, tell) as lock:
        tell(f"Workspace: {folder}")
        known = _last_lock(home, order.profile)
        start = known if known.is_file() else home / DVC_LOCK
        clone_checkout(folder, source=home, params=order.params_text, cache=find_cache(home), lock=start)
        with _working_in(folder):
            try:
                ran = _run_in_workspace(order, tell, home=home, lock=lock)
            finally:
                if is_whole(DVC_LOCK):
                    write_text_atomically(known, DVC_LOCK.read_text(encoding="utf-8"))
        shutil.rmtree(folder, ignore_errors=True)  # its results are in DVC's cache, its experiment in the checkout
    return ran


def _last_lock(home: Path, profile: str) -> Path:
    """What the profile's last run left: the next one starts from it, so that DVC sees what is up to date."""
    return home / STATE_FOLDER / "last" / f"{profile}.dvc.lock"


@contextmanager
def _lock_workspace(folder: Path, order: Order, tell: Tell) -> Iterator[int]:
    def on_wait(holder: Owner | None) -> None:
        tell(f"Waiting for {holder or 'another run'}, which works in {folder} with the same parameters.")

    owner = describe_self(f"run {order.run_name}", flow_run_id=order.flow_run_id)
    with hold(folder / CHAIN_LOCK, owner, on_wait=on_wait) as lock:
        yield lock


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _run_in_workspace(order: Order, tell: Tell, *, home: Path, lock: int) -> list[str]:
    mend_lock(DVC_LOCK)
    restore_outputs(tell, lock=lock)
    stages = order_stages(GROUPS[order.group].stages if order.group else (), with_upstream=True)
    _ask_approval(order, stages, tell)
    settings = _settings(home)
    recorder = Recorder(settings, invocation=find_invocation())
    status: RunStatus = "FAILED"
    try:
        watch = Watch(
            invocation=find_invocation(),
            recorder=recorder,
            params=order.params,
            ui_url=settings.prefect_ui_url,
            tell=tell,
            lock=lock,
        )
        ran = run_chain(stages, watch, name=order.run_name)
        _keep_experiment(order, stages, recorder, tell, home=home)
        status = "FINISHED"
        return ran
    except Exception:
        raise
    except BaseException:  # cancelled
        status = "KILLED"
        raise
    finally:
        warning = recorder.close(status)
        if warning is not None:
            tell(f"Warning: {warning}")


def _settings(home: Path) -> Settings:
    """Where figures go; without an MLflow server into the checkout's own store, not the workspace's, which goes."""
    settings = Settings.from_environment()
    if settings.tracks_locally:
        settings = replace(settings, tracking_uri=f"sqlite:///{home}/{MLFLOW_FOLDER}/mlflow.db")
    return settings


def _ask_approval(order: Order, stages: list[str], tell: Tell) -> None:
    if order.approve_above_usd is None:
        return
    forecast = predict(stale_stages(stages), ledgers=LEDGER_FOLDER, prices=load_prices())
    paid_machine = load_cluster().device != "cpu"
    if exceeds(forecast, limit_dollars=order.approve_above_usd, unknown_is_costly=paid_machine):
        await_approval(forecast, limit_dollars=order.approve_above_usd, tell=tell)


def _keep_experiment(order: Order, stages: list[str], recorder: Recorder, tell: Tell, *, home: Path) -> None:
    suffix = order.flow_run_id[:4]
    try:
        name = save_experiment(Path.cwd(), home=home, name=order.run_name, suffix=suffix, stages=stages)
    except ExperimentError as error:
        tell(f"Warning: {error}. The results are in DVC's cache: a run with these parameters finds them.")
        return
    recorder.tag_chain({"dvc.experiment": name})
    tell(f"Experiment {name}: `dvc exp show` lists it, `dvc exp apply {name}` brings it into the checkout.")


def restore_outputs(tell: Tell, *, lock: int) -> None:
    """Bring in what ``dvc.lock`` names, as far as the cache has it; DVC decides later what is stale."""
    if not DVC_LOCK.is_file():
        return
    lines: list[str] = []
    command = [sys.executable, "-m", "dvc", "checkout", "--quiet", "--force", "--allow-missing"]
    if run_in_group(command, on_line=lines.append, keep_open=(lock,)) != 0:
        tell(f"DVC could not bring in earlier results ({' '.join(lines[-1:])}); stages that need them run.")


def __getattr__(name: str) -> Any:
    """The flows by name (``flows.deployed.train``), made when a worker asks for one."""
    if name == CHAIN or name in GROUPS:
        return build_flow(None if name == CHAIN else name)
    raise AttributeError(name)
