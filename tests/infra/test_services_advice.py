"""What a server wrote before it ended becomes advice; an occupied port is named with who sits on it."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from infra.services.advice import check_port, explain_end, last_words
from infra.services.options import Options

OPTIONS = Options(home=Path("/srv/checkout"))
POSTGRES = replace(OPTIONS, postgres_url="postgresql://ada:secret@db")
OLD = "MlflowException: Detected out-of-date database schema (found version 451aebb31d03, but expected dc11669786a5)."
NEW = OLD.replace("451aebb31d03", "ffffffffffff")


def test_an_occupied_port_is_named_with_its_holder_and_the_way_round_it() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        told = check_port("127.0.0.1", port, "MLFLOW_PORT")
    assert told is not None
    assert f"Port {port} is in use by process {os.getpid()} (" in told
    assert told.endswith(f"make up MLFLOW_PORT={port + 1}")
    assert check_port("127.0.0.1", port, "MLFLOW_PORT") is None


def test_an_address_of_another_machine_is_refused() -> None:
    told = check_port("203.0.113.7", 4200, "PREFECT_PORT")
    assert told is not None
    assert "S1_HOST=203.0.113.7 is no address of this machine" in told


def test_an_older_mlflow_database_is_copied_before_it_is_upgraded() -> None:
    told = explain_end("mlflow", OLD, OPTIONS)
    assert told is not None
    lines = [line.strip() for line in told.splitlines()]
    assert lines[1] == "cp /srv/checkout/mlruns/mlflow.db /srv/checkout/mlruns/mlflow.db.bak"
    assert lines[2].endswith("/mlflow db upgrade sqlite:////srv/checkout/mlruns/mlflow.db")


def test_a_newer_mlflow_database_is_never_upgraded() -> None:
    told = explain_end("mlflow", NEW, OPTIONS)
    assert told is not None
    assert "newer MLflow" in told
    assert "mv /srv/checkout/mlruns/mlflow.db /srv/checkout/mlruns/mlflow.db.bak" in told
    assert "upgrade" not in told


def test_an_old_database_in_postgresql_is_dumped_before_it_is_upgraded() -> None:
    told = explain_end("mlflow", OLD, POSTGRES)
    assert told is not None
    assert "pg_dump s1_mlflow > s1_mlflow.sql" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("options", "remedy"),
    [(OPTIONS, "prefect.db*; do mv"), (POSTGRES, "ALTER DATABASE s1_prefect RENAME TO s1_prefect_old")],
)
def test_a_database_of_a_newer_prefect_is_kept_aside(options: Options, remedy: str) -> None:
    told = explain_end("prefect", "alembic.util.exc.CommandError: Can't locate revision identified by 'ff'", options)
    assert told is not None
    assert "newer Prefect" in told
    assert remedy in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("sqlite3.DatabaseError: file is not a database", "prefect.db is damaged"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("[Errno 98] error while attempting to bind: address already in use", "run `make up` again"),
    ],
)
def test_known_words_become_advice(words: str, told: str) -> None:
    options = replace(OPTIONS, prefect_port=free_port())
    assert told in str(explain_end("prefect", words, options))


def test_unknown_words_are_shown_as_they_end() -> None:
    text = "\n".join(f"line {number}" for number in range(20)) + "\n\n"
    assert explain_end("worker", text, OPTIONS) is None
    assert last_words(text).splitlines() == [f"  line {number}" for number in range(12, 20)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
