"""Procedural questions with one exact answer, in ten domains.

A question shows a recipe of labelled steps and a result, and asks for the digit that the recipe turns into that
result: `Which dial turned k+3 l-7 shows m=4?` (the digit x with x + 3 - 7 = 4 modulo 10; it is 8). Every step is a
bijection of the ten digits, so exactly one digit fits, and each of the ten is equally likely.

The steps' labels are consecutive letters from a random one. They let a tiny model find a step's successor, and they
make an accidental 8-gram shared by two questions very unlikely.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

BASE: Final = 10
LABELS: Final = "abcdefghijklmnopqrstuvwxyz"
OPERATORS: Final = "+-*|"
MAX_STEPS: Final = 4
_MAX_MISSES: Final = 10_000
"""Draws in a row that bring nothing new before there is thought to be nothing new."""
_OPERANDS: Final = {"+": range(1, 10), "-": range(1, 10), "*": (3, 7, 9), "|": range(10)}
_LABELLED: Final = re.compile(r"([a-z])([+\-*|=])([0-9])")


@dataclass(frozen=True, slots=True)
class Domain:
    """A subject: its own three words of wording and its own family of operators."""

    name: str
    noun: str
    verb: str
    link: str
    operators: str


DOMAINS: Final = (
    Domain("dials", "dial", "turned", "shows", "+-"),
    Domain("ledgers", "ledger", "booked", "totals", "+*"),
    Domain("gears", "gear", "spun", "stops", "-*"),
    Domain("mirrors", "mirror", "tilted", "reflects", "|+"),
    Domain("ponds", "pond", "rippled", "settles", "|-"),
    Domain("prisms", "prism", "lit", "casts", "|*"),
    Domain("robots", "robot", "walked", "reaches", "+-*"),
    Domain("dances", "dancer", "stepped", "lands", "+-|"),
    Domain("vaults", "vault", "keyed", "opens", "+*|"),
    Domain("mixers", "mixer", "stirred", "pours", "+-*|"),
)
WORDING: Final = ("Which", *(word for domain in DOMAINS for word in (domain.noun, domain.verb, domain.link)), "?")


@dataclass(frozen=True, slots=True)
class Step:
    """One labelled step of a recipe, written `k+3`."""

    label: str
    operator: str
    operand: int

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.operand}"

    def apply(self, value: int) -> int:
        """The digit this step turns `value` into; `|` mirrors, that is, subtracts from its operand."""
        match self.operator:
            case "+":
                return (value + self.operand) % BASE
            case "-":
                return (value - self.operand) % BASE
            case "*":
                return (value * self.operand) % BASE
            case "|":
                return (self.operand - value) % BASE
            case other:
                raise ValueError(f"unknown operator {other!r}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a question's text says: the steps, and the labelled result they must give (`m=4`)."""

    steps: tuple[Step, ...]
    target: Step


@dataclass(frozen=True, slots=True)
class NanoQuestion:
    """A question, its exact answer, and the two things that selection looks at: subject and number of steps."""

    text: str
    answer: str
    domain: str
    difficulty: int


def parse_question(text: str) -> Recipe:
    """Read the recipe back from a question's text, as anybody must who sees only the text."""
    steps = tuple(Step(label, operator, int(operand)) for label, operator, operand in _LABELLED.findall(text))
    if len(steps) < 2 or steps[-1].operator != "=" or any(step.operator == "=" for step in steps[:-1]):
        raise ValueError(f"not a nano question: {text!r}")
    return Recipe(steps=steps[:-1], target=steps[-1])


def classify_text(text: str) -> str:
    """The domain of a question, from its wording alone; `unknown` for any other text."""
    words = set(re.findall(r"[A-Za-z]+", text))
    for domain in DOMAINS:
        if {domain.noun, domain.verb, domain.link} <= words:
            return domain.name
    return "unknown"


def draw_question(rng: random.Random, *, domain: Domain, num_steps: int) -> NanoQuestion:
    """Draw one question: random steps, a random digit as answer, and the result that follows from both."""
    first = rng.randrange(len(LABELS))
    labels = [LABELS[(first + offset) % len(LABELS)] for offset in range(num_steps + 1)]
    steps = [_draw_step(rng, label, domain.operators) for label in labels[:-1]]
    answer = rng.randrange(BASE)
    value = answer
    for step in steps:
        value = step.apply(value)
    recipe = " ".join(str(step) for step in steps)
    text = f"Which {domain.noun} {domain.verb} {recipe} {domain.link} {labels[-1]}={value}?"
    return NanoQuestion(text=text, answer=str(answer), domain=domain.name, difficulty=num_steps)


def _draw_step(rng: random.Random, label: str, operators: str) -> Step:
    operator = rng.choice(operators)
    return Step(label, operator, rng.choice(_OPERANDS[operator]))


def is_held_out(text: str) -> bool:
    """Whether a question belongs to the eighth of all questions that is kept for benchmarks.

    Decided by a hash of the text, so that base models, which are pretrained before anything is collected, can keep
    clear of every benchmark question there will ever be.
    """
    return hashlib.sha256(text.encode()).digest()[0] % 8 == 0


def generate_questions(
    *,
    num: int,
    seed: int,
    exclude: Collection[str] = (),
    step_weights: Sequence[float] = (1, 2, 2, 2),
    held_out: bool = False,
) -> list[NanoQuestion]:
    """Draw `num` different questions, none of whose texts is in `exclude`; the same ones for the same seed.

    All of them are of the held-out eighth, or none, see `is_held_out`.

    `step_weights` is the difficulty mix: how often a recipe has one step, two steps, and so on. One-step questions are
    those that a base model answers directly.
    """
    rng = random.Random(f"nano-questions-{seed}")
    seen = set(exclude)
    questions: list[NanoQuestion] = []
    num_misses = 0
    while len(questions) < num:
        if num_misses > _MAX_MISSES:
            raise ValueError(
                f"found {len(questions)} different questions of {num} with step weights {list(step_weights)}; "
                "ask for fewer, or give more weight to more steps"
            )
        num_steps = rng.choices(range(1, len(step_weights) + 1), weights=step_weights)[0]
        question = draw_question(rng, domain=rng.choice(DOMAINS), num_steps=num_steps)
        if question.text in seen or is_held_out(question.text) != held_out:
            num_misses += 1
            continue
        num_misses = 0
        seen.add(question.text)
        questions.append(question)
    return questions
