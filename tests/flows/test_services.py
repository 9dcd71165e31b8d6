"""``make up``, ``status`` and ``down`` with real servers, whatever is killed meanwhile."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.flows.sending import post
from tests.flows.servers import Checkout, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose servers are up."""
    made = Checkout(tmp_path_factory.mktemp("services") / "checkout")
    try:
        done = made.run("up")
        assert done.returncode == 0, done.stderr
        assert f"http://127.0.0.1:{made.extra['PREFECT_PORT']}" in done.stdout
        assert f"http://127.0.0.1:{made.extra['MLFLOW_PORT']}" in done.stdout
        assert "s1/nano" in done.stdout
        yield made
    finally:
        made.clean_up()


def test_up_again_is_harmless(checkout: Checkout) -> None:
    before = checkout.state
    done = checkout.run("up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Already up.")
    assert checkout.state == before


def test_up_with_other_settings_says_what_to_do(checkout: Checkout) -> None:
    assert "for S1_MAX_RUNS: make down, then make up" in checkout.run("up", S1_MAX_RUNS="7").stdout


def test_the_pool_has_its_limit_and_the_experiment_exists(checkout: Checkout) -> None:
    with checkout.prefect as api, checkout.mlflow as mlflow:
        assert api.get("/work_pools/s1").json()["concurrency_limit"] == 2
        answer = mlflow.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "s1"})
    place = (checkout.folder / "mlruns/artifacts").as_uri()
    assert answer.json()["experiment"]["artifact_location"] == place


def test_status_tells_that_all_are_ready(checkout: Checkout) -> None:
    done = checkout.run("status")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["Prefect", "ready"], ["MLflow", "ready"], ["worker", "ready"]]
    assert lines[4].split() == ["runs", "none", "under", "way"]


def test_servers_listen_on_loopback_only(checkout: Checkout) -> None:
    pids = {process.pid for process in checkout.processes()}
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_other_web_pages_may_not_talk_to_prefect(checkout: Checkout) -> None:
    with checkout.prefect as api:
        answer = api.post("/flows/filter", json={}, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_kill_9_of_the_worker_ends_its_runs_and_their_processes(checkout: Checkout) -> None:
    run = checkout.start_waiting_run()
    assert len(checkout.waiting_processes()) == 2
    checkout.service("worker").kill()
    assert wait_for(lambda: not checkout.waiting_processes(), 30) < 30
    wait_for(lambda: checkout.state_of(run) == "CRASHED", 60)
    wait_for(lambda: "worker   ready" in checkout.run("status").stdout, 90)


def test_kill_9_of_the_flows_process_leaves_no_orphan_and_no_run_that_says_running(checkout: Checkout) -> None:
    run = checkout.start_waiting_run()
    engine, child = checkout.waiting_processes()
    psutil.Process(engine).kill()
    wait_for(lambda: checkout.state_of(run) == "CRASHED", 60)
    wait_for(lambda: not psutil.pid_exists(child), 30)


def test_kill_9_of_the_server_loses_no_run_and_cancelling_works_after_it(checkout: Checkout) -> None:
    run = checkout.start_waiting_run()
    checkout.service("prefect").kill()
    wait_for(lambda: checkout.state.services[0].num_ends == 1, 30)
    wait_for(lambda: "Prefect  ready" in checkout.run("status").stdout, 120)
    wait_for(lambda: checkout.state_of(run) == "RUNNING", 20)
    with checkout.prefect as api:
        cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        post(api, f"/flow_runs/{run}/set_state", cancelling)
    wait_for(lambda: not checkout.waiting_processes(), 30)
    wait_for(lambda: checkout.state_of(run) == "CANCELLED", 60)


def test_kill_9_of_the_keeper_leaves_nothing_and_up_begins_again(checkout: Checkout) -> None:
    run = checkout.start_waiting_run()
    psutil.Process(checkout.state.keeper.pid).kill()
    wait_for(lambda: not checkout.processes(), 30)
    assert "The keeper has died" in checkout.run("status").stdout
    done = checkout.run("up")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: checkout.state_of(run) == "CRASHED", 60)


def test_down_refuses_while_a_run_is_under_way_and_cancels_it_when_forced(checkout: Checkout) -> None:
    run = checkout.start_waiting_run()
    refused = checkout.run("down")
    assert refused.returncode == 2
    assert refused.stderr.startswith("1 under way: ")
    assert checkout.state_of(run) == "RUNNING"
    done = checkout.run("down", "--force")
    assert done.returncode == 0, done.stderr
    assert checkout.processes() == []
    assert "Nothing was running." in checkout.run("down").stdout
    assert "Not running." in checkout.run("status").stdout
    assert checkout.run("up").returncode == 0
    wait_for(lambda: checkout.state_of(run) == "CANCELLED", 20)


def test_databases_of_other_versions_are_told_with_advice_and_nothing_stays_running(checkout: Checkout) -> None:
    import sqlite3

    checkout.run("down")
    database = checkout.folder / "mlruns/mlflow.db"
    for version, told in (("ffffffffffff", "newer MLflow"), ("451aebb31d03", "older MLflow")):
        with sqlite3.connect(database) as connection:
            before = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        done = checkout.run("up")
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
        assert checkout.processes() == []
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (before,))
    with sqlite3.connect(checkout.folder / ".s1/prefect/prefect.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    done = checkout.run("up")
    assert (done.returncode, "newer Prefect" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("variable", ["PREFECT_PORT", "MLFLOW_PORT"])
def test_an_occupied_port_is_refused_before_anything_starts(tmp_path: Path, variable: str) -> None:
    checkout = Checkout(tmp_path / "checkout")
    with socket.socket() as server:
        server.bind(("127.0.0.1", int(checkout.extra[variable])))
        server.listen()
        done = checkout.run("up")
    assert done.returncode == 2
    assert f"Port {checkout.extra[variable]} is in use by process" in done.stderr
    assert checkout.processes() == []
