"""What a run's scores may be compared with, read from what decoding recorded (``data/generate/run.json``).

Tolerant: a run that recorded nothing has nothing to show. How two runs differ is told by ``s1.comparing``; this says
what one run is, and warns where it is not of one piece.

Example::

    warnings_of({"earlier_engines": [{"kind": "vllm", "version": "0.6.1", "dtype": "float32", "device": "H100"}]})
"""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from s1.report.figures import Figures

SHOWN_ELSEWHERE = ("settings", "earlier_engines")
"""Parameters show the settings; engines that a run began with are a warning."""


def facts_of(identity: Figures) -> list[tuple[str, str]]:
    """Everything recorded, as names and values to show."""
    kept = {name: value for name, value in identity.items() if name not in SHOWN_ELSEWHERE}
    return [(": ".join(path).replace("_", " "), text) for path, text in _leaves(kept, ())]


def warnings_of(identity: Figures) -> list[str]:
    """Why the scores of this run are not all of one kind; none for a run that was decoded in one way."""
    earlier, last = identity.get("earlier_engines"), identity.get("engine")
    if not isinstance(earlier, list) or not earlier:
        return []
    engines = ", then ".join(_engine_words(engine) for engine in [*earlier, last])
    return [
        f"The answers were decoded by several engines, since the run was stopped and went on with another: {engines}. "
        "Engines round differently, so points may differ by that; to decode all with one, run "
        "`dvc repro -f -s generate`, then `dvc repro`."
    ]


def _engine_words(engine: JsonValue) -> str:
    if not isinstance(engine, dict):
        return "unknown"
    return f"{engine.get('kind')} {engine.get('version')} in {engine.get('dtype')} on {engine.get('device')}"


def _leaves(value: JsonValue | Mapping[str, JsonValue], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _leaves(child, (*path, name))
    elif isinstance(value, list):
        yield path, ", ".join(str(item) for item in value) or "none"
    else:
        yield path, "none" if value is None else str(value)
