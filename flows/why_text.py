"""The story of a question as text for a terminal: one block per stage, evidence below the decision.

Plain text without colours; what was collected or answered is shown without control characters, so that no question can
write to the terminal. Knows ``s1.selection.story``; prints nothing.

Example::

    print(render_story(story, is_full=False))
"""

import textwrap
from collections.abc import Mapping, Sequence

from s1.decisions import LedgerRow, Refusal
from s1.records import Attempt, Question
from s1.selection.ledger import place_of
from s1.selection.searching import CloseMatch
from s1.selection.story import Copy, Story

_WIDTH = 100
_MAX_TEXT = 600
_MAX_LISTED = 10
_MARGIN = 10
_STATES = {True: "right", False: "wrong", None: "not graded"}


def render_story(story: Story, *, is_full: bool) -> str:
    """The whole way of one question."""
    copy = story.main_copy
    question = copy.question
    reference = question.answer if question.answer is not None else question.solution
    head = [
        f"question {story.question_id} of {_shown(question.source)}",
        _text(question.question, is_full=is_full, indent=2),
        f"  reference: {_shorten(reference, is_full=is_full) if reference.strip() else 'none'}",
        "",
        _verdict(story),
        "",
    ]
    stages = [
        _block("collect", _collected(story.copies)),
        _block("curate", _curated(copy)),
        *(_block(name, lines) for name, lines in _later_stages(story, is_full=is_full)),
    ]
    return "\n".join([*head, *stages])


def _verdict(story: Story) -> str:
    fate = story.verdict
    if fate is None:
        return "VERDICT   not decided yet: not every stage up to `select` has run"
    if fate.taken:
        return f"VERDICT   taken by {fate.stage}: {fate.reason}"
    return f"VERDICT   not taken: {fate.stage} says {fate.reason}"


def _collected(copies: Sequence[Copy]) -> list[str]:
    times = "once" if len(copies) == 1 else f"{len(copies)} times"
    lines = [f"read {times}"]
    for copy in copies[:_MAX_LISTED]:
        decision = copy.decision
        note = f": {_shown(decision.reason)}" if decision is not None and decision.reason == "duplicate" else ""
        lines.append(f"  {_place(copy.question)}{note}")
    return lines + _rest(len(copies) - _MAX_LISTED)


def _place(question: Question) -> str:
    file, line = place_of(question)
    return f"{_shown(question.source)}  {_shown(file)}:{line}" if file else f"{_shown(question.source)}  (made here)"


def _curated(copy: Copy) -> list[str]:
    if copy.decision is None:
        return ["not run yet"]
    detail = copy.decision.detail
    return [copy.decision.reason, *([f"  {_shown(detail)}"] if detail else [])]


def _later_stages(story: Story, *, is_full: bool) -> list[tuple[str, list[str]]]:
    """What the stages after ``curate`` found out; a question that was dropped before is not asked about."""
    decision = story.main_copy.decision
    if decision is None or not decision.kept:
        return []
    return [
        ("attempt", _attempted(story, is_full=is_full)),
        ("distill", _distilled(story, is_full=is_full)),
        ("classify", _classified(story)),
        ("select", _chosen(story)),
    ]


def _attempted(story: Story, *, is_full: bool) -> list[str]:
    if "attempt" not in story.ran:
        return ["not run yet"]
    decision = story.difficulty
    first = "no decision" if decision is None else decision.reason
    if decision is not None and decision.kept and decision.reason != "hard":
        first += ", counts as hard"
    return [first, *(line for attempt in story.attempts for line in _attempt(attempt, is_full=is_full))]


def _attempt(attempt: Attempt, *, is_full: bool) -> list[str]:
    answer = "no answer found" if attempt.answer is None else f"answer {_shorten(attempt.answer, is_full=is_full)}"
    state = "" if attempt.state == "answered" else f" ({attempt.state})"
    name = f"{attempt.model} ({attempt.by})" if attempt.by else attempt.model
    return [
        f"  {_shown(name)}: {_STATES[attempt.correct]}, {answer}{state}",
        *([f"    {_tail(attempt.response, is_full=is_full)}"] if attempt.response.strip() else []),
    ]


def _distilled(story: Story, *, is_full: bool) -> list[str]:
    if "distill" not in story.ran:
        return ["not run yet"]
    trace = story.trace
    if trace is None:
        return ["not asked: no trace was wanted of this question"]
    length = "" if story.selected is None else f", {story.selected.trace_length:,} thinking tokens"
    lines = [f"{trace.state} by {_shown(trace.teacher)}{length}"]
    if trace.state == "answered":
        lines += [f"  {len(trace.thinking):,} characters of thinking", f"  {_tail(trace.answer, is_full=is_full)}"]
    return lines


def _classified(story: Story) -> list[str]:
    if "classify" not in story.ran:
        return ["not run yet"]
    if story.label is None:
        return ["not asked"]
    return [f"{_shown(story.label.domain)} ({_shown(story.label.classifier)})"]


def _chosen(story: Story) -> list[str]:
    if "select" not in story.ran:
        return ["not run yet"]
    fate = story.verdict
    lines = ["no row in the ledger" if fate is None else fate.reason if fate.stage == "select" else "not a candidate"]
    if fate is not None and fate.detail and fate.stage == "select":
        lines.append(f"  {_shown(fate.detail)}")
    if story.others:
        lines.append(f"  also taken by: {', '.join(map(_shown, story.others))}")
    return lines


def render_list(questions: Sequence[Question], rows: Mapping[str, LedgerRow]) -> str:
    """Several questions that fit, with what became of each."""
    lines = [f"{len(questions)} questions fit; ask again with an id for the whole story:"]
    for question in questions[:_MAX_LISTED]:
        row = rows.get(question.id)
        fate = "not decided yet" if row is None else "taken" if row.taken else f"{row.stage}: {row.reason}"
        lines.append(f"  {question.id}  {fate:<28} {_shorten(question.question, is_full=False, num=52)}")
    return "\n".join(lines + _rest(len(questions) - _MAX_LISTED))


def render_refusals(refusals: Sequence[Refusal]) -> str:
    """Rows that never became questions."""
    lines = ["This row never became a question: collect refused it."]
    for row in refusals[:_MAX_LISTED]:
        lines.append(f"  {_shown(row.source)}  {_shown(row.file)}:{row.line}  {row.reason}: {_shown(row.detail)}")
    return "\n".join(lines + _rest(len(refusals) - _MAX_LISTED))


def render_close(text: str, close: Sequence[CloseMatch], held_out: Sequence[Question]) -> str:
    """Nothing fits: what is near, and whether it is a benchmark's."""
    lines = [f"why: no collected question fits {_shorten(text, is_full=False, num=80)!r}."]
    if held_out:
        names = ", ".join(sorted({_shown(item.source) for item in held_out}))
        lines.append(f"It is a question of {names}, which is held out: models are measured on it, or must not see it.")
    if close:
        lines.append("Closest, by the share of its words in a row:")
        lines += [
            f"  {match.question_id}  {match.score:4.0%}  {_shorten(match.text, is_full=False, num=72)}"
            for match in close
        ]
    elif not held_out:
        lines.append("No question shares two words in a row with it. Ask with an id, file:line, or words of the text.")
    return "\n".join(lines)


def _block(name: str, lines: Sequence[str]) -> str:
    """A stage's lines, its name in the margin."""
    wrapped = [
        part
        for line in lines
        for part in textwrap.wrap(
            line,
            _WIDTH - _MARGIN,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2),
            break_long_words=False,  # paths stay whole, to be copied
            break_on_hyphens=False,
        )
    ]
    first, *others = wrapped or [""]
    return "\n".join([f"{name:<{_MARGIN}}{first}", *(f"{'':<{_MARGIN}}{part}" for part in others)])


def _text(text: str, *, is_full: bool, indent: int) -> str:
    """A text of several lines; cut in its middle of nowhere unless all of it is wanted."""
    shown = text if is_full or len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} … ({len(text):,} characters; --full)"
    return textwrap.indent("\n".join(_shown(line) for line in shown.splitlines()), " " * indent)


def _shorten(text: str, *, is_full: bool, num: int = 120) -> str:
    flat = _shown(" ".join(text.split()))
    return flat if is_full or len(flat) <= num else f"{flat[: num - 1]}…"


def _tail(text: str, *, is_full: bool, num: int = 160) -> str:
    """The end of a response: where answers stand."""
    flat = _shown(" ".join(text.split()))
    return flat if is_full or len(flat) <= num else f"…{flat[1 - num :]}"


def _rest(num: int) -> list[str]:
    return [f"  and {num} more"] if num > 0 else []


def _shown(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " if sign == "\t" else "�" for sign in text)
