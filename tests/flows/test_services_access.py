"""Servers that other machines reach want credentials; PostgreSQL by one variable; passwords are written nowhere."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.services.database import create_databases
from infra.services.options import ServicesError
from tests.flows.servers import Checkout, free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PASSWORD = "correct-horse-battery"
POSTGRES_PASSWORD = "staple%40gun"
BINARIES = next(
    (path for path in (Path("/usr/lib/postgresql").glob("*/bin")) if (path / "initdb").exists()),
    Path(shutil.which("initdb") or "/nowhere/initdb").resolve().parent,
)
IS_ROOT = os.geteuid() == 0
"""PostgreSQL refuses to run as root: then it runs as its own user."""
needs_postgres = pytest.mark.skipif(
    not (BINARIES / "initdb").exists() or (IS_ROOT and "postgres" not in [entry.pw_name for entry in pwd.getpwall()]),
    reason="no PostgreSQL server (initdb and its user) on this machine",
)


def test_beyond_loopback_everything_wants_credentials(tmp_path: Path) -> None:
    credentials = {"S1_USER": "ada", "S1_PASSWORD": PASSWORD}
    checkout = Checkout(tmp_path / "checkout", extra={"S1_HOST": "0.0.0.0", **credentials}, auth=("ada", PASSWORD))
    stranger = Checkout(tmp_path / "stranger")
    stranger.extra |= {name: checkout.extra[name] for name in ("PREFECT_PORT", "MLFLOW_PORT")}
    try:
        assert "S1_USER and S1_PASSWORD" in checkout.run("up", S1_USER="", S1_PASSWORD="").stderr
        done = checkout.run("up")
        assert done.returncode == 0, done.stderr
        with checkout.prefect as api, checkout.mlflow as mlflow:
            assert api.post("/flow_runs/count", json={}).status_code == 200
            assert mlflow.get("/api/2.0/mlflow/experiments/search?max_results=1").status_code == 200
        with stranger.prefect as api, stranger.mlflow as mlflow:
            assert api.post("/flow_runs/count", json={}).status_code == 401
            assert mlflow.get("/api/2.0/mlflow/experiments/search?max_results=1").status_code == 401
            assert mlflow.get("/").status_code == 401
            host = {"Host": "evil.example"}
            assert mlflow.get("/api/2.0/mlflow/experiments/search", headers=host).status_code in (401, 403)
        run = checkout.start_waiting_run()
        assert checkout.run("status", S1_PASSWORD="", S1_USER="").returncode == 2
        assert PASSWORD not in checkout.everything_written()
        done = checkout.run("down", "--force")
        assert done.returncode == 0, done.stderr
        assert len(run) == 36
        assert checkout.processes() == []
    finally:
        checkout.clean_up()


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL server that wants a password."""
    folder = tmp_path_factory.mktemp("postgres")
    port = free_port()
    (folder / "password").write_text("staple@gun")
    as_postgres = []
    if IS_ROOT:
        as_postgres = ["runuser", "-u", "postgres", "--"]
        for parent in folder.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    initialize = [str(BINARIES / "initdb"), "-D", str(folder / "data"), "-A", "scram-sha-256", "-U", "ada"]
    subprocess.run(
        [*as_postgres, *initialize, f"--pwfile={folder / 'password'}"], check=True, capture_output=True, cwd="/"
    )
    server = subprocess.Popen(
        [*as_postgres, str(BINARIES / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)],
        cwd="/",
        stderr=subprocess.DEVNULL,
    )
    address = f"postgresql://ada:{POSTGRES_PASSWORD}@127.0.0.1:{port}"
    try:
        wait_for(lambda: _accepts(address), 60)
        yield address
    finally:
        os.kill(
            int((folder / "data/postmaster.pid").read_text().split()[0]), signal.SIGINT
        )  # without waiting for clients
        server.wait(timeout=60)


def _accepts(address: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(f"{address}/postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


@needs_postgres
def test_history_is_kept_in_postgresql_by_one_variable(tmp_path: Path, postgres: str) -> None:
    checkout = Checkout(tmp_path / "checkout", extra={"S1_POSTGRES_URL": postgres})
    try:
        done = checkout.run("up")
        assert done.returncode == 0, done.stderr
        assert "history   PostgreSQL" in done.stdout
        assert not (checkout.folder / "mlruns/mlflow.db").exists()
        assert not (checkout.folder / ".s1/prefect/prefect.db").exists()
        assert create_databases(postgres) == []
        written = checkout.everything_written()
        assert POSTGRES_PASSWORD not in written
        assert "staple@gun" not in written
        assert checkout.run("down").returncode == 0
        again = checkout.run("up")
        assert again.returncode == 0, again.stderr
    finally:
        checkout.clean_up()


@needs_postgres
def test_a_wrong_password_or_place_is_told_without_the_password(postgres: str) -> None:
    wrong = postgres.replace(POSTGRES_PASSWORD, "not-that-one")
    with pytest.raises(ServicesError, match="does not accept user 'ada'") as refusal:
        create_databases(wrong)
    assert "not-that-one" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_postgresql_server_that_is_away_is_named() -> None:
    port = free_port()
    with pytest.raises(ServicesError, match=f"No PostgreSQL server answers at 127.0.0.1:{port}"):
        create_databases(f"postgresql://ada:secret@127.0.0.1:{port}")
