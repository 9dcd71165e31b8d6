"""Names of forcing settings, and what they say: ``max-64`` is a budget of 64 thinking tokens.

The one place that writes and reads them; a name travels from ``params.yaml`` over generations and scores to the report.

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
_CLASSES = ("class-short", "class-long")


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
    if name == "direct":
        return SettingName("direct")
    if name == "parallel":
        return SettingName("parallel")
    if name in _CLASSES:
        return SettingName("class")
    match = _NUMBERED.fullmatch(name)
    kind = _KINDS.get(match[1]) if match else None
    if match is None or kind is None or (match[3] and kind not in ("tokens", "steps")):
        return SettingName("other")
    return SettingName(kind, int(match[2]), is_forced=bool(match[3]))
