"""What the user chose about the servers: addresses, database, credentials, how many runs side by side.

Knows the variables of ``make up`` and what goes together; does not know how servers are started.

| variable | meaning |
|---|---|
| ``PREFECT_PORT``, ``MLFLOW_PORT`` | ports; 4200 and 5000 without them |
| ``S1_MAX_RUNS`` | how many runs of the work pool go side by side; 2 without it |
| ``S1_HOST`` | address to listen on; ``127.0.0.1`` without it; another machine's reach needs the next two |
| ``S1_USER``, ``S1_PASSWORD`` | credentials of both servers |
| ``S1_ALLOWED_HOSTS`` | further names by which browsers reach MLflow, by comma: ``mlflow.example.org:5000`` |
| ``S1_POSTGRES_URL`` | ``postgresql://user:password@host:5432``: history is kept there, not in SQLite files |

Example::

    options = Options.from_environment(Path.cwd(), os.environ)
    options.api_url                 # 'http://127.0.0.1:4200/api'
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

WORK_POOL = "s1"
MIN_PASSWORD_LENGTH = 12
"""MLflow's own rule."""
_MAX_PORT = 65535


class ServicesError(ValueError):
    """The servers cannot be started, reached or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may use servers that other machines reach."""

    user: str
    password: str = field(repr=False)

    @property
    def auth_string(self) -> str:
        """As Prefect wants them."""
        return f"{self.user}:{self.password}"


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that decides how the servers of one checkout run."""

    home: Path
    """The checkout."""
    host: str = "127.0.0.1"
    prefect_port: int = 4200
    mlflow_port: int = 5000
    max_runs: int = 2
    credentials: Credentials | None = None
    postgres_url: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, home: Path, environment: Mapping[str, str]) -> Self:
        """Read the variables of the table above; an empty one counts as unset.

        Raises:
            ServicesError: a value cannot be used, or other machines would reach servers without credentials.
        """
        host = environment.get("S1_HOST") or "127.0.0.1"
        credentials = read_credentials(environment)
        if credentials is None and not is_loopback(host):
            raise ServicesError(
                f"S1_HOST={host} lets other machines reach the servers, so they need credentials: set S1_USER and "
                f"S1_PASSWORD (at least {MIN_PASSWORD_LENGTH} characters). Without S1_HOST only this machine reaches "
                "them; an SSH tunnel (ssh -L 4200:127.0.0.1:4200 …) then needs no credentials of its own."
            )
        options = cls(
            home=home.absolute(),
            host=host,
            prefect_port=_read_number(environment, "PREFECT_PORT", 4200, least=1, most=_MAX_PORT),
            mlflow_port=_read_number(environment, "MLFLOW_PORT", 5000, least=1, most=_MAX_PORT),
            max_runs=_read_number(environment, "S1_MAX_RUNS", 2, least=1, most=1000),
            credentials=credentials,
            postgres_url=environment.get("S1_POSTGRES_URL") or None,
            allowed_hosts=tuple(name.strip() for name in environment.get("S1_ALLOWED_HOSTS", "").split(",") if name),
        )
        if options.prefect_port == options.mlflow_port:
            raise ServicesError(
                f"PREFECT_PORT and MLFLOW_PORT are both {options.prefect_port}; each server needs one of its own."
            )
        return options

    @property
    def client_host(self) -> str:
        """Where programs on this machine reach the servers."""
        if self.host in ("0.0.0.0", "::"):
            return "127.0.0.1" if self.host == "0.0.0.0" else "[::1]"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def prefect_url(self) -> str:
        """Prefect's UI."""
        return f"http://{self.client_host}:{self.prefect_port}"

    @property
    def api_url(self) -> str:
        """Prefect's API."""
        return f"{self.prefect_url}/api"

    @property
    def mlflow_url(self) -> str:
        """MLflow's UI and API."""
        return f"http://{self.client_host}:{self.mlflow_port}"

    @property
    def worker_name(self) -> str:
        """Name of this checkout's worker: no other checkout has it, also where several share one database."""
        return f"{socket.gethostname()}-s1-{sha256(str(self.home).encode()).hexdigest()[:6]}"


def read_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """``S1_USER`` and ``S1_PASSWORD``; None when neither is set.

    Raises:
        ServicesError: one of them is missing or cannot be used. The message never holds the password.
    """
    user, password = environment.get("S1_USER") or "", environment.get("S1_PASSWORD") or ""
    if not user and not password:
        return None
    if not user or not password:
        missing = "S1_PASSWORD" if user else "S1_USER"
        raise ServicesError(f"{missing} is not set; credentials are S1_USER and S1_PASSWORD together.")
    if ":" in user or not user.isprintable():
        raise ServicesError(f"S1_USER={user!r} cannot be used: no colons or control characters in a user's name.")
    if len(password) < MIN_PASSWORD_LENGTH or not password.isprintable():
        raise ServicesError(
            f"S1_PASSWORD is too short or has control characters; MLflow wants at least {MIN_PASSWORD_LENGTH} "
            "characters. One that nobody guesses: openssl rand -hex 16"
        )
    return Credentials(user, password)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_number(environment: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ServicesError(f"{name}={text!r} is not a whole number from {least} to {most}.")
    return int(text)
