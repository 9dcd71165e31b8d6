"""The points of ``generate.controls``: what each prompt says about thinking, and whether its limit is enforced.

With ``force`` thinking is also cut, at the tokens that the prompt names, or at 100 tokens per step as the paper counts.
A model trained on marked steps (``s1.controls.texts``) writes marks by itself, so decoding must not take them for an
end of thinking. Knows names and limits of settings; decodes nothing.

Example::

    [point] = control_points([ControlParams(kind="tokens", amounts=[1024], force=True)])
    point.name, point.sentence, point.max_thinking_tokens
    # ('tokens-1024-forced', 'Think for up to 1024 tokens.', 1024)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from s1.config import ControlParams
from s1.controls.texts import LONG_SENTENCE, SHORT_SENTENCE, limit_sentence
from s1.setting_names import CLASS_LONG, CLASS_SHORT, setting_name

TOKENS_PER_STEP = 100
"""What the paper lets one step have where a limit in steps is enforced, and compares step counts with tokens by."""
_CLASSES = {CLASS_SHORT: SHORT_SENTENCE, CLASS_LONG: LONG_SENTENCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPoint:
    """One point of ``generate.controls``."""

    name: str
    """Name of the setting."""
    sentence: str
    """Stands behind the question in the prompt."""
    max_thinking_tokens: int | None
    """Where the limit is enforced by cutting; None: only asked for, so the stage's own limit holds."""
    has_step_marks: bool
    """Whether the thinking is expected to hold marks of steps, which do not end it."""


def control_points(controls: Sequence[ControlParams]) -> list[ControlPoint]:
    """The points that the parameters ask for, in their order."""
    return [point for control in controls for point in _points(control)]


def _points(control: ControlParams) -> list[ControlPoint]:
    if control.kind == "class":
        return [
            ControlPoint(name=name, sentence=sentence, max_thinking_tokens=None, has_step_marks=False)
            for name, sentence in _CLASSES.items()
        ]
    per_unit = TOKENS_PER_STEP if control.kind == "steps" else 1
    return [
        ControlPoint(
            name=setting_name(control.kind, amount, is_forced=control.force),
            sentence=limit_sentence(amount, control.kind),
            max_thinking_tokens=amount * per_unit if control.force else None,
            has_step_marks=control.kind == "steps",
        )
        for amount in control.amounts
    ]
