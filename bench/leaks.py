r"""How often the rule against leaking prompts alarms on real questions, and how many planted leaks it finds.

Reads ``data/curate/questions.jsonl`` of a finished run. An alarm on a question as it was collected is shown with its
evidence, to be judged by reading; then every question with a reference gets its answer, or its solution, put into its
text in several wordings, and each has to be found.

Example::

    python -m bench.leaks
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from s1.artifacts import iterate_jsonl
from s1.grading import reference_answer
from s1.leaks import find_leak
from s1.records import Question
from tasks.paths import CURATED

_SHOWN = 10
_MIN_SOLUTION_WORDS = 40
"""Solutions that are shorter say no more than an answer."""

Plant = Callable[[str, str], str]
STATED: Mapping[str, Plant] = {
    "The answer is X.": lambda question, answer: f"{question}\nThe answer is {answer}.",
    "Answer: X": lambda question, answer: f"{question}\nAnswer: {answer}",
    "**Final answer:** X": lambda question, answer: f"{question}\n\n**Final answer:** {answer}",
    "\\boxed{X}": lambda question, answer: f"{question} $\\boxed{{{answer}}}$",
    "(Correct answer: X) in front": lambda question, answer: f"(Correct answer: {answer}) {question}",
}
COPIED: Mapping[str, Plant] = {
    "solution behind": lambda question, solution: f"{question}\nSolution. {solution}",
    "solution in front": lambda question, solution: f"{solution}\n\n{question}",
}


def main(path: Path = CURATED) -> int:
    """Measure and print."""
    alarms: list[str] = []
    found: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    num = 0
    for question in iterate_jsonl(path, Question):
        num += 1
        leak = find_leak(question)
        if leak is not None:
            alarms.append(f"{question.id} {question.source} {leak.reason}: {leak.shown!r}")
            continue
        for name, text in _plants(question).items():
            planted[name] += 1
            found[name] += find_leak(question.model_copy(update={"question": text})) is not None
    print(f"{len(alarms):,} alarms on {num:,} questions as they were collected")
    for alarm in alarms[:_SHOWN]:
        print(f"  {alarm}")
    print(f"\n{'planted':<30}{'questions':>10}{'found':>10}{'share':>8}")
    for name, count in planted.items():
        print(f"{name:<30}{count:>10,}{found[name]:>10,}{found[name] / count:>8.1%}")
    return 0


def _plants(question: Question) -> dict[str, str]:
    answer = reference_answer(question)
    short = {} if answer is None or question.answer_kind == "prose" else STATED
    plants = {name: plant(question.question, answer or "") for name, plant in short.items()}
    if len(question.solution.split()) >= _MIN_SOLUTION_WORDS:
        plants |= {name: plant(question.question, question.solution) for name, plant in COPIED.items()}
    return plants


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
