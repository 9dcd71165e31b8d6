"""What the user chose is read from the environment; what cannot work is refused with advice, passwords never shown."""

from pathlib import Path

import pytest

from infra.services.commands import build_specs, reachable_names
from infra.services.database import find_databases
from infra.services.options import Credentials, Options, ServicesError, is_loopback

PASSWORD = "correct-horse-battery"
CREDENTIALS = {"S1_USER": "ada", "S1_PASSWORD": PASSWORD}
POSTGRES = "postgresql://ada:s%40cret@db.example.org:6543?sslmode=require"


def read(**environment: str) -> Options:
    return Options.from_environment(Path("/srv/checkout"), environment)


def test_without_variables_servers_listen_on_loopback() -> None:
    options = read()
    assert (options.api_url, options.mlflow_url) == ("http://127.0.0.1:4200/api", "http://127.0.0.1:5000")
    assert (options.max_runs, options.credentials, options.postgres_url) == (2, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "box.example.org"])
def test_other_machines_reach_servers_only_with_credentials(host: str) -> None:
    with pytest.raises(ServicesError, match="S1_USER and S1_PASSWORD"):
        read(S1_HOST=host)
    assert read(S1_HOST=host, **CREDENTIALS).credentials == Credentials("ada", PASSWORD)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_credentials(host: str) -> None:
    assert is_loopback(host)
    assert read(S1_HOST=host).credentials is None


def test_clients_on_this_machine_reach_a_server_that_listens_everywhere() -> None:
    assert read(S1_HOST="0.0.0.0", **CREDENTIALS).api_url == "http://127.0.0.1:4200/api"
    assert read(S1_HOST="::", **CREDENTIALS).api_url == "http://[::1]:4200/api"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"S1_USER": "ada"}, "S1_PASSWORD is not set"),
        ({"S1_PASSWORD": PASSWORD}, "S1_USER is not set"),
        ({"S1_USER": "a:b", "S1_PASSWORD": PASSWORD}, "no colons"),
        ({"S1_USER": "ada", "S1_PASSWORD": "elevenchars"}, "at least 12"),
        ({"PREFECT_PORT": "many"}, "PREFECT_PORT='many' is not a whole number from 1 to 65535"),
        ({"MLFLOW_PORT": "65536"}, "MLFLOW_PORT='65536'"),
        ({"S1_MAX_RUNS": "0"}, "S1_MAX_RUNS='0' is not a whole number from 1"),
        ({"PREFECT_PORT": "5000"}, "each server needs one of its own"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ServicesError) as refusal:
        read(**environment)
    assert told in str(refusal.value)
    assert PASSWORD not in str(refusal.value)
    assert "elevenchars" not in str(refusal.value)


def test_passwords_are_in_no_command_line_and_no_representation(tmp_path: Path) -> None:
    options = Options.from_environment(tmp_path, {"S1_HOST": "0.0.0.0", "S1_POSTGRES_URL": POSTGRES, **CREDENTIALS})
    specs = build_specs(options, find_databases(options), {"PATH": "/bin", **CREDENTIALS, "S1_POSTGRES_URL": POSTGRES})
    shown = repr(options) + repr(find_databases(options)) + repr(specs)
    assert "s%40cret" not in shown
    assert PASSWORD not in shown
    assert specs["mlflow"].env["MLFLOW_BACKEND_STORE_URI"].startswith("postgresql+psycopg2://ada:s%40cret@")


def test_the_worker_gets_credentials_for_the_servers_and_nothing_of_the_database(tmp_path: Path) -> None:
    options = Options.from_environment(tmp_path, {"S1_POSTGRES_URL": POSTGRES, **CREDENTIALS})
    worker = build_specs(options, find_databases(options), {"S1_POSTGRES_URL": POSTGRES, **CREDENTIALS})["worker"]
    assert worker.env["PREFECT_API_AUTH_STRING"] == f"ada:{PASSWORD}"
    assert worker.env["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert not any("s%40cret" in value for value in worker.env.values())


def test_files_that_sign_sessions_are_for_this_user_only_and_survive_a_restart(tmp_path: Path) -> None:
    options = Options.from_environment(tmp_path, CREDENTIALS)
    first = build_specs(options, find_databases(options), {})["mlflow"].env["MLFLOW_FLASK_SERVER_SECRET_KEY"]
    second = build_specs(options, find_databases(options), {})["mlflow"].env["MLFLOW_FLASK_SERVER_SECRET_KEY"]
    files = sorted((tmp_path / ".s1/services").iterdir())
    assert [path.name for path in files] == ["mlflow-auth.ini", "mlflow-secret", "mlflow-users.db"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3
    assert first == second
    assert len(first) == 64
    assert PASSWORD not in files[0].read_text()


def test_mlflow_accepts_the_names_that_the_user_adds() -> None:
    names = reachable_names(read(S1_HOST="0.0.0.0", S1_ALLOWED_HOSTS="s1.example.org:5000, other:80", **CREDENTIALS))
    assert "localhost:5000" in names
    assert names[-2:] == ["s1.example.org:5000", "other:80"]


def test_two_checkouts_never_share_a_worker_name() -> None:
    other = Options.from_environment(Path("/srv/other"), {})
    assert read().worker_name != other.worker_name


def test_one_postgres_variable_makes_two_databases_with_their_drivers() -> None:
    databases = find_databases(read(S1_POSTGRES_URL=POSTGRES))
    place = "ada:s%40cret@db.example.org:6543"
    assert databases.prefect == f"postgresql+asyncpg://{place}/s1_prefect?ssl=require"
    assert databases.mlflow == f"postgresql+psycopg2://{place}/s1_mlflow?sslmode=require"


def test_without_it_history_is_in_files_of_the_checkout() -> None:
    databases = find_databases(read())
    assert (databases.kind, databases.prefect) == ("sqlite", None)
    assert databases.mlflow == "sqlite:////srv/checkout/mlruns/mlflow.db"


@pytest.mark.parametrize(
    "url",
    ["mysql://ada:secret@db", "postgresql://db", "db:5432", "postgresql://ada:secret@db:port", "postgresql://a@["],
)
def test_an_address_that_is_none_of_postgresql_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ServicesError, match="postgresql://user:password@host:5432") as refusal:
        find_databases(read(S1_POSTGRES_URL=url))
    assert "secret" not in str(refusal.value)
