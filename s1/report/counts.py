"""The end of a run that trained nothing, as plain text: what was left after each step and why, and the examples.

Knows the figures of ``curate``, ``select`` and ``tokenize`` through ``stage_reading``; at most 100 columns, ASCII only.

Example::

    print(render_counts({stage: json.loads(path.read_text()) for stage, path in paths.items()}))
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from s1.not_run import WORDS, is_not_run
from s1.report.content import FunnelStep
from s1.report.figures import Figures, group, whole
from s1.report.stage_reading import read_examples_step, read_funnel

_WIDTH = 100
_NAMES = 16
_COUNTS = 10
_GAP = "  "


def render_counts(metrics: Mapping[str, Mapping[str, JsonValue]]) -> str:
    """Questions after each step with reasons, what the examples hold, and which stages the profile leaves out.

    Args:
        metrics: figures by stage; a stage that did not run in this call may be missing.

    Raises:
        ValueError: figures are of another form (names the key).
    """
    steps = read_funnel(metrics.get("curate"), metrics.get("select"))
    if steps:
        steps.append(read_examples_step(metrics.get("tokenize")))
    parts = [_table(steps), _examples(metrics.get("tokenize")), _left_out(metrics)]
    return "\n".join(part for part in parts if part)


def _table(steps: Sequence[FunnelStep]) -> str:
    if not steps:
        return ""
    rule = "-" * _WIDTH
    lines = [rule, f"{'questions':<{_NAMES}}{'left':>{_COUNTS}}{_GAP}why the others left", rule]
    for step in steps:
        count = "-" if step.count is None else f"{step.count:,}"
        reasons = _wrap([f"{reason} {number:,}" for reason, number in step.reasons])
        lines.append(f"{step.name:<{_NAMES}}{count:>{_COUNTS}}{_GAP}{reasons[0]}".rstrip())
        lines += [" " * (_NAMES + _COUNTS) + _GAP + line for line in reasons[1:]]
    return "\n".join([*lines, rule])


def _wrap(items: Sequence[str]) -> list[str]:
    """Items by comma, in lines of the width that is left."""
    lines = [""]
    room = _WIDTH - _NAMES - _COUNTS - len(_GAP)
    for number, item in enumerate(items):
        text = item + ("," if number < len(items) - 1 else "")
        if lines[-1] and len(lines[-1]) + 1 + len(text) > room:
            lines.append("")
        lines[-1] = f"{lines[-1]} {text}".strip()
    return lines


def _examples(tokenize: Figures | None) -> str:
    tokens, targets = whole(tokenize or {}, "num_tokens"), whole(tokenize or {}, "num_target_tokens")
    if tokens is None or targets is None:
        return ""
    lengths = group(tokenize, "length")
    longest = whole(lengths, "max")
    return f"Examples: {tokens:,} tokens, {targets:,} of them trained on; the longest has {longest or 0:,}."


def _left_out(metrics: Mapping[str, Mapping[str, JsonValue]]) -> str:
    names = [stage for stage, figures in metrics.items() if is_not_run(figures)]
    return f"{', '.join(names)}: {WORDS}." if names else ""
