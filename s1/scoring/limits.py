"""What a setting asked of the thinking, in tokens: the yardstick of Control (paper section 3.2).

Knows names of settings and the parameters behind those that have a name of their own; knows no scores. Waits ask for no
amount of thinking, so nothing is held against them. A step counts as 100 tokens, as in the paper, whose limits of
tokens and steps are upper ones; "short" and "long" mean against the thinking that nobody controlled.

Example::

    limits_of("max-64", forcing=[])         # Limits(low=None, high=64)
"""

from collections.abc import Sequence

from s1.config import ForcingParams
from s1.controls.points import TOKENS_PER_STEP
from s1.metrics.curves import Limits
from s1.setting_names import CLASS_SHORT, parse_setting


def limits_of(setting: str, *, forcing: Sequence[ForcingParams], default_tokens: float | None = None) -> Limits | None:
    """Limits of a setting; None where it asked for nothing, or where what it refers to is unknown.

    Args:
        forcing: ``generate.settings``.
        default_tokens: thinking tokens without any control, which control by class is compared with.
    """
    name = parse_setting(setting)
    if name.kind in ("budget", "tokens", "reject"):
        return Limits(high=name.amount)
    if name.kind == "steps" and name.amount is not None:
        return Limits(high=name.amount * TOKENS_PER_STEP)
    if name.kind == "class":
        return _class_limits(setting, default_tokens)
    spec = next((item for item in forcing if item.name == setting), None) if name.kind == "other" else None
    if spec is None or (spec.max_thinking_tokens is None and not spec.min_thinking_tokens):
        return None
    return Limits(low=spec.min_thinking_tokens or None, high=spec.max_thinking_tokens)


def _class_limits(setting: str, default_tokens: float | None) -> Limits | None:
    if default_tokens is None:
        return None
    if setting == CLASS_SHORT:
        return Limits(high=default_tokens, is_strict=True)
    return Limits(low=default_tokens, is_strict=True)
