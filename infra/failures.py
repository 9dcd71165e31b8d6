"""What a user is told when something goes wrong: one message and an exit code, never a bare traceback.

Knows kinds of errors; does not know stages. Errors that carry their own advice are shown as they are; the traceback of
every failure goes to a log file, whose name is shown.

Example::

    failure = explain(error)
    failure.message, failure.exit_code      # ('params.yaml, line 7, …', 2)
"""

import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from infra.missing import explain_missing
from infra.pipeline import PipelineError
from infra.prices import PricesError
from infra.redaction import RedactedError, redact
from infra.settings import LOGS_FOLDER
from s1.artifacts import DISK_FULL
from s1.config import ParamsError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

_FULL = "The disk is full or a file grew over its size limit. Free space and run again; finished work is kept."
_PROGRAMS = ("git", "dvc", "make")
_FULL_SIGNS = ("No space left on device", "File too large", "Disk quota exceeded", "unexpected pos ")
"""The last is all that ``torch.save`` says when a write came up short."""


class StageFailedError(Exception):
    """A stage's command ended badly; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a failure ends the process."""

    message: str
    exit_code: int
    expected: bool
    """Whether the message alone says what to do; else the log is worth reading."""


def explain(error: BaseException) -> Failure:
    """Turn an error into what the user needs; secrets of the environment are taken out."""
    failure = _explain(error)
    return replace(failure, message=redact(failure.message))


def _explain(error: BaseException) -> Failure:
    if isinstance(error, KeyboardInterrupt):
        return Failure("Interrupted; finished work is kept, run again to go on.", EXIT_INTERRUPTED, True)
    if isinstance(error, SystemExit) and error.code == EXIT_TERMINATED:
        return Failure("Terminated; finished work is kept, run again to go on.", EXIT_TERMINATED, True)
    if isinstance(error, (ParamsError, PipelineError, PricesError)):
        return Failure(str(error), EXIT_USAGE, True)
    if isinstance(error, OSError):
        return _explain_os_error(error)
    if isinstance(error, StageFailedError):  # of another process, whose words may say that the disk was full
        full = any(sign in str(error) for sign in _FULL_SIGNS)
        return Failure(f"{_FULL}\n{error}" if full else str(error), EXIT_FAILED, True)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():  # CUDA's is a RuntimeError
        advice = "Out of memory. Lower the stage's batch_size in params.yaml, or close other programs, and run again."
        return Failure(advice, EXIT_FAILED, True)
    if isinstance(error, ModuleNotFoundError):
        return Failure(explain_missing(error), EXIT_FAILED, True)
    if isinstance(error, ValueError):  # of ours (ArtifactError and the like): value and remedy are in the text
        return Failure(str(error), EXIT_FAILED, True)
    if any(sign in str(error) for sign in _FULL_SIGNS):  # of native writers such as safetensors
        return Failure(_FULL, EXIT_FAILED, True)
    message = str(error) if isinstance(error, RedactedError) else f"{type(error).__name__}: {error}"
    return Failure(message, EXIT_FAILED, False)


def _explain_os_error(error: OSError) -> Failure:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in DISK_FULL:
        return Failure(f"{_FULL}{where}", EXIT_FAILED, True)
    if isinstance(error, PermissionError):
        target = error.filename or "a file or folder"
        return Failure(f"No permission for {target}. Give this user access to it and run again.", EXIT_FAILED, True)
    if isinstance(error, FileNotFoundError) and error.filename in _PROGRAMS:
        return Failure(f"The program {error.filename} is not installed, or not on PATH. Install it.", EXIT_FAILED, True)
    if isinstance(error, FileNotFoundError) and error.filename:
        advice = "`dvc repro` (or `make demo`) makes what a stage before should have written."
        return Failure(f"{error.filename} is missing. {advice}", EXIT_FAILED, True)
    return Failure(f"{type(error).__name__}: {error}", EXIT_FAILED, False)


def log_traceback(error: BaseException, name: str, *, folder: Path = LOGS_FOLDER) -> Path | None:
    """Append the traceback to ``<folder>/<name>.log``; None when even that cannot be written."""
    path = folder / f"{name}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(redact("".join(traceback.format_exception(error))) + "\n")
    except OSError:
        return None
    return path
