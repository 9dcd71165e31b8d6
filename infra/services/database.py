"""Where the two servers keep their history: SQLite files of the checkout, or two databases of a PostgreSQL server.

Knows connection strings, and makes databases that are missing; does not know tables. Prefect and MLflow cannot share a
database: both keep their schema's version in a table of the same name. No message ever holds a password.

Example::

    databases = find_databases(options)
    databases.prefect       # None: Prefect's own SQLite file in PREFECT_HOME
    databases.mlflow        # 'sqlite:////home/me/s1/mlruns/mlflow.db'
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from infra.services.options import Options, ServicesError
from infra.settings import MLFLOW_FOLDER

PREFECT_DATABASE = "s1_prefect"
MLFLOW_DATABASE = "s1_mlflow"
_CONNECT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Databases:
    """Connection strings, passwords included: for environments of servers, never for command lines, files or logs."""

    kind: Literal["sqlite", "postgresql"]
    prefect: str | None = field(repr=False)
    mlflow: str = field(repr=False)


def find_databases(options: Options) -> Databases:
    """Where history is kept.

    Raises:
        ServicesError: ``S1_POSTGRES_URL`` is not such an address.
    """
    if options.postgres_url is None:
        mlflow = f"sqlite:///{options.home / MLFLOW_FOLDER / 'mlflow.db'}"
        return Databases("sqlite", None, mlflow)
    url = _parse(options.postgres_url)
    return Databases(
        "postgresql",
        prefect=_with(url, "postgresql+asyncpg", PREFECT_DATABASE, renamed={"sslmode": "ssl"}),
        mlflow=_with(url, "postgresql+psycopg2", MLFLOW_DATABASE, renamed={}),
    )


def create_databases(postgres_url: str) -> list[str]:
    """Make those of the two databases that are missing; return their names.

    Raises:
        ServicesError: the server cannot be reached, or this user may not make databases.
    """
    import psycopg2
    from psycopg2 import errors, sql

    url = _parse(postgres_url)
    place = f"{url.hostname}:{url.port or 5432}"
    existing = url.path.strip("/") or "postgres"
    made = []
    try:
        connection = psycopg2.connect(_with(url, "postgresql", existing, {}), connect_timeout=_CONNECT_TIMEOUT_SECONDS)
    except psycopg2.ProgrammingError:  # its text quotes parts of the address
        raise ServicesError(
            "S1_POSTGRES_URL is no address that PostgreSQL's driver understands. Write "
            "postgresql://user:password@host:5432, special characters of the password percent-encoded."
        ) from None
    except psycopg2.OperationalError as error:
        raise ServicesError(_explain_refusal(str(error), url, place)) from None  # the cause may quote the password
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in (PREFECT_DATABASE, MLFLOW_DATABASE):
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                    made.append(name)
    except errors.InsufficientPrivilege:
        raise ServicesError(
            f"PostgreSQL user {url.username!r} at {place} may not make databases. Have an administrator run: "
            f"CREATE DATABASE {PREFECT_DATABASE} OWNER {url.username}; "
            f"CREATE DATABASE {MLFLOW_DATABASE} OWNER {url.username};"
        ) from None
    finally:
        connection.close()
    return made


def _parse(postgres_url: str) -> SplitResult:
    try:
        url = urlsplit(postgres_url)
        is_usable = url.scheme in ("postgresql", "postgres") and bool(url.hostname) and bool(url.username)
        _ = url.port  # raises ValueError where it is no number
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ServicesError(
            "S1_POSTGRES_URL is no address of a PostgreSQL server. It reads postgresql://user:password@host:5432; "
            "special characters of the password are percent-encoded (@ as %40)."
        )
    return url


def _with(url: SplitResult, scheme: str, database: str, renamed: dict[str, str]) -> str:
    query = urlencode([(renamed.get(key, key), value) for key, value in parse_qsl(url.query)])
    return urlunsplit((scheme, url.netloc, f"/{database}", query, ""))


def _explain_refusal(message: str, url: SplitResult, place: str) -> str:
    if "authentication failed" in message or "no password supplied" in message:
        reason = f"PostgreSQL at {place} does not accept user {url.username!r} with the password of S1_POSTGRES_URL."
        return f"{reason} Correct the two; special characters of the password are percent-encoded (@ as %40)."
    if re.search(r"could not translate|Name or service not known|nodename nor servname", message):
        return f"There is no host {url.hostname!r} as S1_POSTGRES_URL names it. Correct its name."
    if re.search(r'database ".*" does not exist', message):
        missing = url.path.strip("/") or "postgres"
        return f"PostgreSQL at {place} has no database {missing!r}; leave it out of S1_POSTGRES_URL, or name another."
    return (
        f"No PostgreSQL server answers at {place}, which S1_POSTGRES_URL names. Start it, or correct host and port; "
        "without the variable both servers keep their history in SQLite files."
    )
