"""What a user is told when a server does not start: from what it wrote into its log, and from who sits on its port.

Knows the words that Prefect, MLflow and the databases use; does not start anything.

Example::

    explain_end("mlflow", text_of_log, options)     # "MLflow's database was written by an older MLflow. …"
"""

import errno
import re
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil

from infra.services.commands import MLFLOW_USERS, ServiceName
from infra.services.database import MLFLOW_DATABASE, PREFECT_DATABASE
from infra.services.options import Options
from infra.settings import MLFLOW_FOLDER, prefect_home

_NUM_LINES_SHOWN = 8
_LABELS = {"prefect": "The Prefect server", "mlflow": "The MLflow server", "worker": "The worker"}


def check_port(host: str, port: int, variable: str) -> str | None:
    """Advice when a server could not listen there; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"Port {port} is in use by {_find_listener(port)}. Stop it, or choose another port: "
                    f"make up {variable}={port + 1}"
                )
            if error.errno == errno.EACCES:
                return f"Port {port} is not for this user; choose one above 1023: make up {variable}=…"
            return f"S1_HOST={host} is no address of this machine ({error.strerror}). 127.0.0.1 is the default."
    return None


def _find_listener(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                process = psutil.Process(connection.pid) if connection.pid else None
                if process is not None:
                    return f"process {process.pid} ({' '.join(process.cmdline())[:80] or process.name()})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return "another program"


def explain_end(name: ServiceName, told: str, options: Options) -> str | None:
    """Advice from what a service said before it ended; None when its words are not known."""
    found = re.search(r"out-of-date database schema \(found version (\w+)", told)
    if found is not None:
        return _explain_mlflow_schema(found.group(1), options)
    if "Can't locate revision identified by" in told:
        return _explain_newer(name, options)
    if "file is not a database" in told or "database disk image is malformed" in told:
        return (
            f"{_LABELS[name]}'s database {_database_file(name, options)} is damaged. Move it (and files beside it that "
            "begin with its name) away and run `make up` again: a new history begins. Results are not in it."
        )
    if re.search(r"[Aa]ddress already in use|Port \d+ is already in use", told):
        port, variable = _port(name, options)
        return check_port(options.host, port, variable) or f"Port {port} was in use; run `make up` again."
    if "No space left on device" in told or "database or disk is full" in told:
        return "The disk is full. Free space and run `make up` again."
    if re.search(r"flask_wtf|Flask-WTF", told):
        return "MLflow's authentication needs the package Flask-WTF: run `make install`."
    if re.search(r"password authentication failed|InvalidPasswordError", told):
        return "PostgreSQL does not accept the user and password of S1_POSTGRES_URL. Correct them."
    if re.search(r"could not connect to server|Connection refused|ConnectionRefusedError", told) and (
        options.postgres_url is not None
    ):
        return "The PostgreSQL server that S1_POSTGRES_URL names does not answer any more. Start it."
    return None


def last_words(told: str) -> str:
    """The end of a log, for a failure whose words are not known."""
    lines = [line for line in told.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_NUM_LINES_SHOWN:])


def _explain_mlflow_schema(version: str, options: Options) -> str:
    path = options.home / MLFLOW_FOLDER / "mlflow.db"
    if options.postgres_url is None:
        place, address = f"MLflow's database {path}", f"sqlite:///{path}"
        copy, aside = f"cp {path} {path}.bak", f"mv {path} {path}.bak"
    else:
        place, address = (
            f"MLflow's database {MLFLOW_DATABASE}",
            "postgresql+psycopg2://user:password@host:5432/s1_mlflow",
        )
        copy = f"pg_dump {MLFLOW_DATABASE} > {MLFLOW_DATABASE}.sql"
        aside = f"ALTER DATABASE {MLFLOW_DATABASE} RENAME TO {MLFLOW_DATABASE}_old;   (in psql)"
    if _knows_revision(version):
        upgrade = f"{Path(sys.executable).parent / 'mlflow'} db upgrade {address}"
        return (
            f"{place} was written by an older MLflow than the installed one. Keep a copy, then bring it up to date:\n"
            f"  {copy}\n  {upgrade}\nand run `make up` again."
        )
    return (
        f"{place} was written by a newer MLflow than the installed one (its schema {version} is unknown here). Install "
        f"that version, or keep the history aside and begin a new one:\n  {aside}\nand run `make up` again."
    )


def _knows_revision(version: str) -> bool:
    spec = find_spec("mlflow")
    assert spec is not None and spec.origin is not None
    versions = Path(spec.origin).parent / "store/db_migrations/versions"
    return any(versions.glob(f"{version}_*.py"))


def _explain_newer(name: ServiceName, options: Options) -> str:
    label = "MLflow" if name == "mlflow" else "Prefect"
    if name == "prefect" and options.postgres_url is not None:
        aside = f"ALTER DATABASE {PREFECT_DATABASE} RENAME TO {PREFECT_DATABASE}_old;   (in psql)"
    else:
        aside = f"for f in {_database_file(name, options)}*; do mv $f $f.bak; done"
    return (
        f"{_LABELS[name]}'s database was written by a newer {label} than the installed one. Install that version, or "
        f"keep the history aside and begin a new one:\n  {aside}\nand run `make up` again. Results are not in it."
    )


def _database_file(name: ServiceName, options: Options) -> Path:
    if name == "mlflow":
        users = options.home / MLFLOW_USERS
        return users if options.credentials is not None else options.home / MLFLOW_FOLDER / "mlflow.db"
    return prefect_home() / "prefect.db"


def _port(name: ServiceName, options: Options) -> tuple[int, str]:
    if name == "mlflow":
        return options.mlflow_port, "MLFLOW_PORT"
    return options.prefect_port, "PREFECT_PORT"
