"""What differs between two runs besides their results, and whether their scores can be compared nevertheless.

Three severities. *incomparable*: the scores answer different questions (another prompt, tokenizer, benchmark, forcing
spec). *warning*: the same thing measured by another instrument (engine, number format, parallelism), which is known to
move scores by more than most improvements do. *note*: expected, or of small effect. Knows records; reads no file.

Example::

    for difference in differences(first, second):
        print(difference)           # warning: engine.version is 0.11.0 in the first run and 0.6.1 in the second: …
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from s1.comparing.identity import EngineIdentity, RunIdentity
from s1.records import TUNED

Severity = Literal["incomparable", "warning", "note"]

_BY_MODEL: dict[str, tuple[Severity, str]] = {
    "prompt": ("incomparable", "the models were asked in other words or with other delimiters"),
    "tokenizer": ("incomparable", "a budget of so many tokens is another amount of text"),
    "config": ("note", "other architectures"),
    "weights": ("note", "other weights: right where two models are compared, a mistake where one is repeated"),
}
_BY_ENGINE: dict[str, tuple[Severity, str]] = {
    "kind": ("warning", "engines round differently, and greedy traces part at the first near-tie"),
    "version": ("warning", "versions of an engine round differently; one recipe read 56.7 and 70.0 under two of them"),
    "dtype": ("warning", "number formats round differently; decode both in the same one"),
    "tensor_parallel": ("warning", "sums are taken in another order; one model read 26.7 and 33 under 1 and 2"),
    "arguments": ("warning", "flags of a server can change its arithmetic"),
    "device": ("warning", "devices have different kernels, which round differently"),
    "batch_size": ("note", "sums are taken in another order, which moves near-ties"),
    "num_servers": ("note", "how requests are batched moves near-ties"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs."""

    severity: Severity
    what: str
    """Where it stands in ``run.json``."""
    first: str
    second: str
    why: str
    """What it does to a comparison."""

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.what} is {self.first} in the first run and {self.second} in the second: {self.why}"
        )


def differences(first: RunIdentity, second: RunIdentity) -> list[Difference]:
    """What differs, the gravest first; nothing for two runs that were made alike."""
    found = [
        *_benchmarks(first, second),
        *_models(first, second),
        *_engines(first, second),
        *_parts("first", first),
        *_parts("second", second),
        *_settings(first, second),
        *_sampling(first, second),
        *_packages(first, second),
    ]
    order: list[Severity] = ["incomparable", "warning", "note"]
    return sorted(found, key=lambda difference: order.index(difference.severity))


def _benchmarks(first: RunIdentity, second: RunIdentity) -> Iterator[Difference]:
    for name in sorted(first.benchmarks.keys() & second.benchmarks.keys()):
        one, other = first.benchmarks[name], second.benchmarks[name]
        if one != other:
            yield Difference(
                "incomparable", f"benchmarks.{name}", one, other, "other questions or references under the same name"
            )


def _models(first: RunIdentity, second: RunIdentity) -> Iterator[Difference]:
    for name in sorted(first.models.keys() & second.models.keys()):
        for key, (severity, why) in _BY_MODEL.items():
            one, other = getattr(first.models[name], key), getattr(second.models[name], key)
            if one != other:
                yield Difference(severity, f"models.{name}.{key}", one, other, why)


def _engines(first: RunIdentity, second: RunIdentity) -> list[Difference]:
    """Of all models that both runs have; what is true of several is told once."""
    models = sorted(first.models.keys() & second.models.keys(), key=lambda name: (name != TUNED, name))
    pairs = [(first.engine_of(name), second.engine_of(name)) for name in models] or [(first.engine, second.engine)]
    return list(dict.fromkeys(difference for one, other in pairs for difference in _of_engine(one, other)))


def _of_engine(first: EngineIdentity, second: EngineIdentity) -> Iterator[Difference]:
    for key, (severity, why) in _BY_ENGINE.items():
        one, other = getattr(first, key), getattr(second, key)
        is_implied = key in ("version", "batch_size", "num_servers", "arguments") and first.kind != second.kind
        if one != other and not is_implied:
            shown, also_shown = _show(one, missing="unknown"), _show(other, missing="unknown")
            yield Difference(severity, f"engine.{key}", shown, also_shown, why)


def _parts(which: str, run: RunIdentity) -> Iterator[Difference]:
    if run.earlier_engines:
        engines = ", ".join(f"{item.kind} {item.version} {item.dtype} on {item.device}" for item in run.earlier_engines)
        why = f"the {which} run was stopped and went on with another engine, so its answers are of several"
        shown = {"first": "none", "second": "none", which: engines}
        yield Difference("warning", "earlier_engines", shown["first"], shown["second"], why)


def _settings(first: RunIdentity, second: RunIdentity) -> Iterator[Difference]:
    for name in sorted(first.settings.keys() & second.settings.keys()):
        one, other = first.settings[name], second.settings[name]
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                what = f"settings.{name}.{key}"
                why = "settings of one name that force differently"
                yield Difference("incomparable", what, _show(one.get(key)), _show(other.get(key)), why)


def _sampling(first: RunIdentity, second: RunIdentity) -> Iterator[Difference]:
    if first.temperature != second.temperature:
        why = "decoding is another: greedy and sampled scores differ"
        yield Difference("incomparable", "temperature", str(first.temperature), str(second.temperature), why)
    if _parallel_temperature(first) != _parallel_temperature(second):
        one, other = _show(_parallel_temperature(first)), _show(_parallel_temperature(second))
        why = "parallel samples are drawn otherwise, and with them votes and rejection sampling"
        yield Difference("incomparable", "parallel_temperature", one, other, why)
    for name in ("num_samples", "num_parallel"):
        one, other = str(getattr(first, name)), str(getattr(second, name))
        if one != other:
            why = "scores are means over different numbers of samples; the one of fewer is noisier"
            yield Difference("note", name, one, other, why)
    if first.seed != second.seed and _is_drawn(first, second):
        why = "other draws: tokens differ from the first, and answers by chance"
        yield Difference("note", "seed", str(first.seed), str(second.seed), why)


def _parallel_temperature(run: RunIdentity) -> float | None:
    return None if run.parallel_temperature == run.temperature else run.parallel_temperature


def _is_drawn(*runs: RunIdentity) -> bool:
    return any(run.temperature > 0 or (run.parallel_temperature or 0) > 0 for run in runs)


def _packages(first: RunIdentity, second: RunIdentity) -> Iterator[Difference]:
    for name in sorted(first.packages.keys() | second.packages.keys()):
        one, other = first.packages.get(name), second.packages.get(name)
        # The version of the local engine is that of transformers.
        is_told = name == "transformers" and first.engine.kind == second.engine.kind == "local"
        if one != other and not is_told:
            yield Difference("note", f"packages.{name}", _show(one), _show(other), "kernels may round differently")


def _show(value: Any, *, missing: str = "none") -> str:
    if value is None:
        return missing
    if value == ():
        return "none"
    return " ".join(value) if isinstance(value, tuple) else str(value)
