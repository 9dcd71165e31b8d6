"""The flows that the Prefect UI offers: the whole chain and each group of stages, every run in its own workspace.

Knows what one such run does from its form to its experiment; how stages run is ``flows.chain_flow``'s business, the
form ``flows.forms``'s. A worker imports this module in the checkout's root; importing it imports Prefect.

Example::

    deployments: s1/nano, curate/nano, distill/nano, train/nano, evaluate/nano
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled
from pydantic import Field

from flows.approval import NotApprovedError, await_approval, exceeds
from flows.chain_flow import run_chain
from flows.forms import complete_params, form_for
from flows.groups import CHAIN, GROUPS
from flows.order import is_whole, mend_lock, order_stages, stale_stages
from flows.pinning import pin_sources
from flows.profiles import PROFILES
from flows.run_page import report_url
from flows.runlog import open_run_log
from flows.watch import Tell, Watch
from infra.experiments import save_experiment
from infra.failures import explain
from infra.forecast import predict
from infra.git import GitError
from infra.locks import Owner, describe_self, hold
from infra.pipeline import DVC_LOCK
from infra.prices import load_prices
from infra.processes import run_in_group
from infra.provenance import find_invocation
from infra.recorder import Recorder, recording
from infra.redaction import redacting
from infra.settings import CHAIN_LOCK, STATE_FOLDER, WORKSPACES_FOLDER, Settings
from infra.versions import cache_folder
from infra.workspace import clone_checkout, has_unfinished_work, remove_workspace
from s1.artifacts import write_text_atomically
from s1.config import Params, ParamsError, Section, load_params
from s1.config.editing import change_params
from tasks.forecasting import forecast_training
from tasks.paths import LEDGER_FOLDER

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def profile_version(path: Path) -> str:
    """Tells whether a profile is the one that a form was made from."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


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

    def run(params: Any, approve_above_usd: Dollars | None = None) -> State[Any] | list[str]:
        tell = open_run_log()
        with redacting():  # Prefect keeps an error's text with the run
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
    if deployment.version != profile_version(path):
        raise ParamsError(f"{path} has changed since the form was made from it. Run `make up` again, then start anew.")
    params = complete_params(form, yaml.safe_load(text))
    params_text = change_params(text, default.model_dump(mode="json"), params.model_dump(mode="json"))
    assert Params.model_validate(yaml.safe_load(params_text)) == params, "the file has to say what the form said"
    return Order(
        group=group,
        profile=profile,
        params=params,
        params_text=params_text,
        approve_above_usd=approve_above_usd,
        run_name=str(flow_run.name),
        flow_run_id=str(flow_run.id),
    )


def _run(order: Order, tell: Tell) -> list[str]:
    home = Path.cwd()
    folder = (WORKSPACES_FOLDER / order.folder_name).absolute()
    with _lock_workspace(folder, order, tell) as lock:
        tell(f"Workspace: {folder}")
        last = home / STATE_FOLDER / "last"
        ends = [last / f"{name}.dvc.lock" for name in (order.folder_name, order.profile)]
        start = next((path for path in (*ends, home / DVC_LOCK) if path.is_file()), None)
        clone_checkout(folder, source=home, params=order.params_text, cache=cache_folder(home), lock=start)
        os.chdir(folder)
        try:
            ran = _run_in_workspace(order, tell, home=home, lock=lock)
        finally:
            if is_whole(DVC_LOCK):  # the next run starts from it: DVC sees what is up to date, and what it had cost
                for path in ends:
                    write_text_atomically(path, DVC_LOCK.read_text(encoding="utf-8"))
            # Not back to the checkout: a late thread must never take its figures for this run's.
            os.chdir(folder.anchor)
        if not has_unfinished_work(folder):  # of a longer run that was stopped here
            remove_workspace(folder)
    return ran


@contextmanager
def _lock_workspace(folder: Path, order: Order, tell: Tell) -> Iterator[int]:
    def on_wait(holder: Owner | None) -> None:
        tell(f"Waiting for {holder or 'another run'}, which works in {folder} with the same parameters.")

    owner = describe_self(f"run {order.run_name}", flow_run_id=order.flow_run_id)
    with hold(folder / CHAIN_LOCK, owner, on_wait=on_wait) as lock:
        yield lock


def _run_in_workspace(order: Order, tell: Tell, *, home: Path, lock: int) -> list[str]:
    mended = mend_lock(DVC_LOCK)
    if mended is not None:
        tell(mended)
    for line in pin_sources(order.params):
        tell(line)
    restore_outputs(tell, lock=lock)
    stages = order_stages(GROUPS[order.group].stages if order.group else (), with_upstream=True)
    _ask_approval(order, stages, tell)
    settings = Settings.from_environment()
    recorder = Recorder(settings, invocation=find_invocation())
    with recording(recorder, warn=lambda warning: tell(f"Warning: {warning}")):
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
        _tell_where(recorder, stages, tell)
        return ran


def _ask_approval(order: Order, stages: list[str], tell: Tell) -> None:
    if order.approve_above_usd is None:
        return
    not_run = order.params.not_run.stages
    training = None if "train" in not_run else forecast_training(order.params.train, seed=order.params.seed)
    planned = {} if training is None else {training.stage: training}
    forecast = predict(
        stale_stages(stages), ledgers=LEDGER_FOLDER, prices=load_prices(), planned=planned, not_run=not_run
    )
    if exceeds(forecast, limit_dollars=order.approve_above_usd):
        await_approval(forecast, limit_dollars=order.approve_above_usd, tell=tell)


def _keep_experiment(order: Order, stages: list[str], recorder: Recorder, tell: Tell, *, home: Path) -> None:
    suffix = order.flow_run_id[:4]
    try:
        name = save_experiment(Path.cwd(), home=home, name=order.run_name, suffix=suffix, stages=stages)
    except GitError as error:
        tell(f"Warning: {error}. The results are in DVC's cache: a run with these parameters finds them.")
        return
    recorder.tag_chain({"dvc.experiment": name})
    tell(f"Experiment {name}: `dvc exp show` lists it, `dvc exp apply {name}` brings it into the checkout.")


def _tell_where(recorder: Recorder, stages: list[str], tell: Tell) -> None:
    url = recorder.parent_run_url(wait_seconds=0.0)
    if url is not None:
        tell(f"Figures: {url}")
        if "report" in stages:
            tell(f"Report: {report_url(url)}")


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
