"""What a run's scores may be compared with, read from what decoding recorded (``data/generate/run.json``).

How two runs differ is told by ``s1.comparing``; this says what one run is, and warns where it is not of one piece.

Example::

    warnings_of(read_run_identity(Path("data/generate/run.json")))      # [] where one engine decoded everything
"""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from s1.comparing.identity import EngineIdentity, RunIdentity

SHOWN_ELSEWHERE = ("settings", "earlier_engines")
"""Parameters show the settings; engines that a run began with are a warning."""


def facts_of(identity: RunIdentity) -> list[tuple[str, str]]:
    """Everything recorded, as names and values to show."""
    kept = identity.model_dump(mode="json", exclude=set(SHOWN_ELSEWHERE))
    return [(": ".join(path).replace("_", " "), text) for path, text in _leaves(kept, ())]


def warnings_of(identity: RunIdentity) -> list[str]:
    """Why the scores of this run are not all of one kind; none for a run that was decoded in one way."""
    if not identity.earlier_engines:
        return []
    engines = ", then ".join(_engine_words(engine) for engine in [*identity.earlier_engines, identity.engine])
    return [
        f"The answers were decoded by several engines, since the run was stopped and went on with another: {engines}. "
        "Engines round differently, so points may differ by that; to decode all with one, run "
        "`dvc repro -f -s generate`, then `dvc repro`."
    ]


def _engine_words(engine: EngineIdentity) -> str:
    return f"{engine.kind} {engine.version} in {engine.dtype} on {engine.device}"


def _leaves(value: JsonValue | Mapping[str, JsonValue], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _leaves(child, (*path, name))
    elif isinstance(value, list):
        yield path, ", ".join(str(item) for item in value) or "none"
    else:
        yield path, "none" if value is None else str(value)
