"""Runs from the Prefect UI's deployments on a toy chain: real servers, a real worker, whatever is killed meanwhile."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.flows.sending import post, send
from tests.flows.servers import Checkout, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
SECONDS_TO_START = 120
"""The worker's look, two processes and Prefect's import, on a machine that is busy."""

VICTIMS = {
    "flow": "flows.engine",
    "worker": "prefect worker start",
    "stage": "flows.stage",
    "keeper": "infra.services.keeper",
}
"""Words of the command lines to kill."""


class Home(Checkout):
    """A toy checkout with servers, and what a user does in its UI."""

    def start(self, name: str, *, approve_above_usd: float | None = None, **changes: Any) -> str:
        """Start the chain with changed keys of ``collect``; returns the flow run's id."""
        answer = self.try_start(name, approve_above_usd=approve_above_usd, **changes)
        assert answer[0] == 201, answer
        return str(answer[1]["id"])

    def try_start(self, name: str, *, approve_above_usd: float | None = None, **changes: Any) -> tuple[int, Any]:
        with self.prefect as api:
            deployment = api.get("/deployments/name/s1/nano").raise_for_status().json()
            parameters = deployment["parameters"]
            parameters["params"]["collect"].update({"num_planted_overlaps": 10} | changes)
            parameters["approve_above_usd"] = approve_above_usd
            body = {"name": name, "parameters": parameters}
            answer = send(api, f"/deployments/{deployment['id']}/create_flow_run", body)
            return answer.status_code, answer.json()

    def set_mode(self, mode: str) -> None:
        (self.folder / "hanging").unlink(missing_ok=True)
        (self.folder / "mode").write_text(mode)

    def wait_until_hanging(self) -> None:
        wait_for((self.folder / "hanging").exists, SECONDS_TO_START)

    def wait_until_ended(self, flow_run_id: str, seconds: float = SECONDS_TO_START) -> str:
        wait_for(lambda: self.state_of(flow_run_id) in ENDED, seconds)
        return self.state_of(flow_run_id)

    def set_state(self, flow_run_id: str, kind: str, name: str) -> None:
        """What the Cancel and the Retry button do."""
        with self.prefect as api:
            body = {"state": {"type": kind, "name": name}}
            post(api, f"/flow_runs/{flow_run_id}/set_state", body)

    def children_of(self, flow_run_id: str) -> dict[str, str]:
        """Name -> state of the stages' runs."""
        with self.prefect as api:
            body = {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run_id]}}, "sort": "START_TIME_ASC"}
            return {run["name"]: run["state"]["type"] for run in api.post("/flow_runs/filter", json=body).json()}

    def logs_of(self, flow_run_id: str) -> str:
        with self.prefect as api:
            body = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "limit": 200}
            return "\n".join(line["message"] for line in api.post("/logs/filter", json=body).json())

    def artifacts_of(self, flow_run_id: str) -> dict[str, str]:
        """Key -> content of the run's own artifacts; its page has no key."""
        with self.prefect as api:
            body = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}, "limit": 200}
            found = api.post("/artifacts/filter", json=body).json()
            return {item["key"] or "": str(item["data"]) for item in found}

    def work_processes(self) -> list[str]:
        """Command lines of what executes runs: engines, DVC, stages."""
        words = ("flows.engine", "flows.stage", " dvc ")
        lines = []
        for process in self.processes():
            try:
                lines.append(" ".join(process.cmdline()))
            except Exception:
                continue
        return [line for line in lines if any(word in line for word in words)]

    def kill_9(self, words: str) -> None:
        """Kill the processes with these words in their command line, not the guards above them."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):  # it may end at this moment
                line = " ".join(process.cmdline())
                if words in line and "guard.py" not in line:
                    process.kill()

    def trail(self) -> list[str]:
        path = self.folder / "trail.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def is_ready(self) -> bool:
        """Whether `make status` calls all three services ready."""
        words = [line.split()[:2] for line in self.run("status").stdout.splitlines()]
        return all([name, "ready"] in words for name in ("Prefect", "MLflow", "worker"))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("deployed") / "home"
    with Home(folder, extra={"TOY_HOME": str(folder)}).up() as made:
        yield made


@pytest.fixture(autouse=True)
def quiet(home: Home) -> Iterator[None]:
    """Every test starts with a well-behaved toy and ends without runs."""
    home.set_mode("")
    home.trail()
    yield
    home.set_mode("")
    wait_for(lambda: home.work_processes() == [], 120)


def test_a_run_works_in_its_own_workspace_and_comes_back_as_an_experiment(home: Home) -> None:
    (home.folder / "tasks/curate.py").open("a").write("# not committed\n")
    before = (home.git("status", "--porcelain"), (home.folder / "params.yaml").read_text())
    run = home.start("first run", max_bad_share=0.5)
    assert home.wait_until_ended(run) == "COMPLETED", home.logs_of(run)
    assert home.trail() == ["shard of 4", "shard of 4", "shard of 2", "curate"]
    assert home.children_of(run) == {"collect": "COMPLETED", "curate": "COMPLETED"}
    assert (home.git("status", "--porcelain"), (home.folder / "params.yaml").read_text()) == before
    assert not (home.folder / "data").exists()
    assert list((home.folder / ".s1/workspaces").iterdir()) == []
    ref = home.git("for-each-ref", "--format=%(refname)", "refs/exps").strip()
    assert ref.endswith("/first-run")
    assert "max_bad_share: 0.5" in home.git("show", f"{ref}:params.yaml")
    assert "# not committed" in home.git("show", f"{ref}:tasks/curate.py")

    page = home.artifacts_of(run)[""]
    assert f"(http://127.0.0.1:{home.extra['MLFLOW_PORT']}/#/experiments/" in page
    assert "\n| all that ran | 2 of 2 | " in page
    with home.mlflow as api:
        wanted = {"experiment_ids": ["1"], "filter": f"tags.`prefect.flow_run_id` = '{run}'"}
        found = api.post("/api/2.0/mlflow/runs/search", json=wanted).json()["runs"]
    tags = {item["key"]: item["value"] for item in found[0]["data"]["tags"]}
    assert (found[0]["info"]["run_name"], found[0]["info"]["status"]) == ("first run", "FINISHED")
    assert tags["dvc.experiment"] == "first-run"
    assert found[0]["info"]["run_id"] in page


def test_a_second_run_of_the_same_parameters_runs_nothing(home: Home) -> None:
    first = home.start("once")
    assert home.wait_until_ended(first) == "COMPLETED", home.logs_of(first)
    home.trail()
    second = home.start("twice")
    assert home.wait_until_ended(second) == "COMPLETED", home.logs_of(second)
    assert home.trail() == []
    assert home.children_of(second) == {}


@pytest.mark.parametrize("changes", [{"max_bad_share": 7}, {"max_bad_share": "x"}, {"colour": "red"}])
def test_bad_values_are_refused_before_anything_starts(home: Home, changes: dict[str, Any]) -> None:
    status, answer = home.try_start("bad", **changes)
    assert status == 409
    assert "params" in answer["detail"]


def test_what_only_fits_together_wrongly_fails_with_the_reason(home: Home) -> None:
    with home.prefect as api:
        benchmark = api.get("/deployments/name/s1/nano").json()["parameters"]["params"]["collect"]["benchmarks"][0]
    run = home.start("misfit", benchmarks=[{**benchmark, "name": "other"}])
    assert home.wait_until_ended(run) == "FAILED"
    # Prefect ships a flow's log in batches: the last one can arrive after the state.
    wait_for(lambda: "generate.benchmarks names" in home.logs_of(run), 30)


def test_a_cancelled_run_is_gone_in_ten_seconds_and_the_next_one_goes_on(home: Home) -> None:
    home.set_mode("hang")
    run = home.start("to cancel", num_planted_overlaps=9)
    home.wait_until_hanging()
    home.set_state(run, "CANCELLING", "Cancelling")
    assert wait_for(lambda: home.work_processes() == [], 10) < 10
    wait_for(lambda: home.state_of(run) == "CANCELLED", 60)
    wait_for(lambda: set(home.children_of(run).values()) <= {"CRASHED", "CANCELLED"}, 60)
    home.set_mode("")
    assert home.trail() == ["shard of 4", "shard of 4"]
    after = home.start("after", num_planted_overlaps=9)
    assert home.wait_until_ended(after) == "COMPLETED", home.logs_of(after)
    assert home.trail() == ["shard of 4", "shard of 1", "curate"]  # the first shard was finished before


@pytest.mark.parametrize("victim", VICTIMS)
def test_after_kill_9_nothing_is_left_states_are_true_and_a_retry_goes_on(home: Home, victim: str) -> None:
    home.set_mode("hang")
    overlaps = {"flow": 11, "worker": 12, "stage": 7, "keeper": 6}[victim]
    run = home.start(f"kill the {victim}", num_planted_overlaps=overlaps)
    home.wait_until_hanging()
    home.kill_9(VICTIMS[victim])
    assert wait_for(lambda: home.work_processes() == [], 30) < 30
    if victim == "keeper":
        assert home.run("up").returncode == 0
    assert home.wait_until_ended(run, seconds=60) in ("CRASHED", "FAILED")
    wait_for(lambda: set(home.children_of(run).values()) <= ENDED, 60)
    home.set_mode("")
    home.trail()
    wait_for(home.is_ready, 120)
    home.set_state(run, "SCHEDULED", "AwaitingRetry")
    wait_for(lambda: home.state_of(run) in ("PENDING", "RUNNING", "COMPLETED"), SECONDS_TO_START)
    assert home.wait_until_ended(run) == "COMPLETED", home.logs_of(run)
    shards = [4] * (overlaps // 4) + [overlaps % 4] * (overlaps % 4 > 0)
    assert home.trail() == [*(f"shard of {size}" for size in shards[1:]), "curate"]  # the first was finished before


def test_a_run_outlives_the_death_of_the_prefect_server(home: Home) -> None:
    home.set_mode("hang")
    run = home.start("kill the server", num_planted_overlaps=13)
    home.wait_until_hanging()
    killed = home.service("prefect")
    killed.kill()
    wait_for(lambda: not killed.is_running(), 30)
    wait_for(home.is_ready, 120)
    home.set_mode("")
    assert home.wait_until_ended(run) == "COMPLETED", home.logs_of(run)


def test_stages_that_end_and_begin_while_the_prefect_server_is_away_are_recorded(home: Home) -> None:
    home.set_mode("hang")
    run = home.start("go on meanwhile", num_planted_overlaps=14)
    home.wait_until_hanging()
    killed = home.service("prefect")
    killed.kill()
    wait_for(lambda: not killed.is_running(), 30)
    home.set_mode("")
    wait_for(home.is_ready, 120)
    assert home.wait_until_ended(run, seconds=300) == "COMPLETED", home.logs_of(run)
    assert home.children_of(run) == {"collect": "COMPLETED", "curate": "COMPLETED"}


def test_equal_runs_wait_for_each_other_and_different_ones_do_not(home: Home) -> None:
    home.set_mode("hang")
    first = home.start("holder", num_planted_overlaps=15)
    home.wait_until_hanging()
    second = home.start("waiter", num_planted_overlaps=15)
    wait_for(lambda: "Waiting for run holder" in home.logs_of(second), SECONDS_TO_START)
    time.sleep(1)
    assert home.state_of(first) == "RUNNING"
    home.set_mode("")
    assert {home.wait_until_ended(first), home.wait_until_ended(second)} == {"COMPLETED"}
    assert home.trail().count("curate") == 1


def test_an_expensive_run_waits_for_a_person(home: Home) -> None:
    known = home.start("cheap", num_planted_overlaps=10)
    assert home.wait_until_ended(known) == "COMPLETED"
    home.trail()
    run = home.start("dear", approve_above_usd=0.0, num_planted_overlaps=16)
    for answer, state in ((False, "CANCELLED"), (True, "COMPLETED")):  # the second time as a retry
        wait_for(lambda run=run: home.state_of(run) == "PAUSED", SECONDS_TO_START)  # type: ignore[misc]
        assert '"stage": "collect", "dollars": "0.0' in home.artifacts_of(run)["s1-approval"]
        assert home.trail() == []
        with home.prefect as api:
            post(api, f"/flow_runs/{run}/resume", {"run_input": {"approve": answer}})
        assert home.wait_until_ended(run) == state, home.logs_of(run)
        if state == "CANCELLED":
            home.set_state(run, "SCHEDULED", "AwaitingRetry")
    assert home.trail() == ["shard of 4"] * 4 + ["curate"]
