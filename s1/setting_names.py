"""Names of forcing settings, and what they say: ``max-64`` is a budget of 64 thinking tokens.

The one place that writes and reads them; a name travels from ``params.yaml`` over generations and scores to the report.
Imports nothing of the project, so that parameters can be checked with it.

Example::

    parse_setting("wait-2")         # SettingName(kind='wait', amount=2)
    setting_name("budget", 64)      # 'max-64'
"""

import re
from dataclasses import dataclass
from typing import Literal

SettingKind = Literal["direct", "budget", "wait", "parallel", "vote", "reject", "tokens", "steps", "class", "other"]
"""What a point varies: no thinking at all; the maximum; the number of Waits; nothing (parallel samples of plain
thinking); a majority vote over, or the first short enough of, such samples; a limit asked for in the prompt; anything
else (``generate.settings``)."""

KINDS: tuple[SettingKind, ...] = (
    "budget",
    "wait",
    "other",
    "tokens",
    "steps",
    "class",
    "parallel",
    "vote",
    "reject",
    "direct",
)
"""Every kind, in the order in which they are shown."""
MADE_OF_SAMPLES: tuple[SettingKind, ...] = ("vote", "reject")
"""Worked out of the samples of ``parallel``: nothing is decoded for them alone."""
DIRECT = "direct"
"""Name of the setting without thinking."""
PARALLEL = "parallel"
"""Name of the setting whose samples votes and rejection sampling are made of."""
CLASS_SHORT = "class-short"
CLASS_LONG = "class-long"
"""Names of the two points of control by class."""

_PREFIXES: dict[SettingKind, str] = {
    "budget": "max",
    "wait": "wait",
    "vote": "vote",
    "reject": "reject",
    "tokens": "tokens",
    "steps": "steps",
}
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}
_NUMBERED = re.compile(r"([a-z]+)-(\d+)(-forced)?")
_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TAKEN = ("base", "tuned")
"""Names of the models, which stand beside those of settings in figures."""


@dataclass(frozen=True, slots=True)
class SettingName:
    """Kind and amount of a setting."""

    kind: SettingKind
    amount: int | None = None
    """Tokens, steps, Waits or votes; None where the kind has no amount."""
    is_forced: bool = False
    """Whether a prompted control is enforced by cutting (``tokens-1024-forced``)."""


def setting_name(kind: SettingKind, amount: int, *, is_forced: bool = False) -> str:
    """The name of a numbered setting."""
    return f"{_PREFIXES[kind]}-{amount}{'-forced' if is_forced else ''}"


def parse_setting(name: str) -> SettingName:
    """Read a name; what follows no pattern is of kind ``other``."""
    if name == DIRECT:
        return SettingName("direct")
    if name == PARALLEL:
        return SettingName("parallel")
    if name in (CLASS_SHORT, CLASS_LONG):
        return SettingName("class")
    match = _NUMBERED.fullmatch(name)
    kind = _KINDS.get(match[1]) if match else None
    if match is None or kind is None or (match[3] and kind not in ("tokens", "steps")):
        return SettingName("other")
    return SettingName(kind, int(match[2]), is_forced=bool(match[3]))


def place_of(name: str) -> tuple[int, bool, int, str]:
    """Where a setting stands among others: by kind, then by amount; for sorting."""
    setting = parse_setting(name)
    return KINDS.index(setting.kind), setting.is_forced, setting.amount or 0, name


def check_own_name(name: str) -> None:
    """See that a name can be chosen for a further setting: it travels into files, tags and the keys of figures.

    Raises:
        ValueError: other characters than those allowed, or a name that points get by themselves.
    """
    if not _OWN.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a setting: use up to 64 letters, digits, '-', '_' and '.', starting with a letter "
            "or a digit, such as exact-256 or hmm-2"
        )
    if parse_setting(name).kind != "other" or name.startswith("class-") or name in _TAKEN:
        raise ValueError(
            f"{name!r} is a name that budgets, Waits, controls, votes or models get by themselves; choose another, "
            "such as exact-256 or hmm-2"
        )
