"""The nano teacher: searches for the answer by trying digits in turn, and is honestly imperfect.

It reads the question's text only. Every trial is one line, worked step by step and compared with the wanted result:

    try 0 k+3 3 l-7 6 m=4 no 1
    try 1 k+3 4 l-7 7 m=4 no 2
    Wait 2 k+3 5 l-7 8 m=4 no 3

The digit after the verdict is where to look next: the following digit after `no`, the same one after `yes`. It is also
what the teacher answers when it stops, so that giving up means guessing an untried digit.

What makes its traces teach something is how they end. After a few failed trials it may lose patience: sometimes it
gives up and guesses, as real teachers do (46% of s1K's own traces end wrong), sometimes it says `Wait` and goes on.
After a success it may say `Wait` and check once more. Now and then a step slips; re-checking finds some slips.
A student of such traces stops thinking too early, and a `Wait` makes it go on with the next digit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from s1.nano.questions import BASE, Recipe, parse_question

TRY: Final = "try"
WAIT: Final = "Wait"
ROW_OPENERS: Final = (TRY, WAIT, "row", "then", "next")
"""How lines open in the tables that base models read; several, so that a line reads the same after a new opener."""


@dataclass(frozen=True, slots=True)
class SolverHabits:
    """The teacher's character, as probabilities.

    lose_patience: after a failed trial (from the `patient_trials`-th on), to stop and consider giving up
    give_up: when considering, to guess and end rather than to say `Wait` and go on
    recheck: after a success, to say `Wait` and work the same digit again
    slip: to get one step of a trial wrong
    notice: to see that a failed trial slipped, and to ask for the same digit once more
    """

    patient_trials: int = 2
    lose_patience: float = 0.4
    give_up: float = 0.6
    recheck: float = 0.35
    slip: float = 0.01
    notice: float = 0.5
    max_trials: int = 16


@dataclass(frozen=True, slots=True)
class SolverTrace:
    """The teacher's thinking and answer. `slipped_lines` names the lines with a wrong step, for tests and audits."""

    thinking: str
    answer: str
    slipped_lines: tuple[int, ...]


@dataclass(slots=True)
class _Notebook:
    """The lines written so far, and where a step slipped."""

    recipe: Recipe
    habits: SolverHabits
    rng: random.Random
    lines: list[str] = field(default_factory=list)
    slipped: list[int] = field(default_factory=list)

    def work(self, opener: str, digit: int, *, careful: bool = False) -> bool:
        """Write one trial of `digit`; True when its result fits. A careful trial never slips."""
        slip_at, again = -1, False
        if not careful and self.rng.random() < self.habits.slip:
            slip_at = self.rng.randrange(len(self.recipe.steps))
            again = self.rng.random() < self.habits.notice
            self.slipped.append(len(self.lines))
        line, fits = work_line(self.recipe, opener, digit, slip_at=slip_at, pointer=digit if again else None)
        self.lines.append(line)
        return fits

    @property
    def next_digit(self) -> int:
        """Where the last line says to look next."""
        return int(self.lines[-1][-1])


def work_line(
    recipe: Recipe, opener: str, digit: int, *, slip_at: int = -1, pointer: int | None = None
) -> tuple[str, bool]:
    """Write one trial as a line, and say whether its result fits.

    Step `slip_at` is off by one. The line ends in `pointer`; without one, in the digit itself when it fits, else in
    the digit after it.
    """
    value = digit
    words = [opener, str(digit)]
    for index, step in enumerate(recipe.steps):
        value = step.apply(value)
        if index == slip_at:
            value = (value + 1) % BASE
        words += [str(step), str(value)]
    fits = value == recipe.target.operand
    if pointer is None:
        pointer = digit if fits else (digit + 1) % BASE
    return " ".join([*words, str(recipe.target), "yes" if fits else "no", str(pointer)]), fits


def solve(text: str, seed: int, habits: SolverHabits = SolverHabits()) -> SolverTrace:
    """Think about the question in `text` and answer it; deterministic for the same text and seed."""
    rng = random.Random(f"nano-solver-{seed}-{text}")
    notebook = _Notebook(parse_question(text), habits, rng)
    digit = _search(notebook)
    return SolverTrace(
        thinking="\n".join(notebook.lines), answer=f"Answer: {digit}", slipped_lines=tuple(notebook.slipped)
    )


def _search(notebook: _Notebook) -> int:
    """Try digits in turn until one fits, or patience ends; returns the answer, found or guessed."""
    rng, habits = notebook.rng, notebook.habits
    opener, digit = TRY, 0
    for trial in range(1, habits.max_trials + 1):
        if notebook.work(opener, digit) and _confirmed(notebook, digit):
            return digit
        opener = WAIT if notebook.next_digit == digit else TRY
        digit = notebook.next_digit
        if opener == TRY and trial >= habits.patient_trials and rng.random() < habits.lose_patience:
            if rng.random() < habits.give_up:
                break
            opener = WAIT
    return digit


def _confirmed(notebook: _Notebook, digit: int) -> bool:
    """After a success, check again as often as habit has it; False as soon as a check fails."""
    while notebook.rng.random() < notebook.habits.recheck:
        if not notebook.work(WAIT, digit, careful=True):
            return False
    return True
