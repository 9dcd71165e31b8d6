"""How good the local classifier is, on real questions whose files state their subject; and how it is trained.

    python -m bench.classification             # measures: docs/classification.md
    python -m bench.classification --train     # writes s1/classification/weights.npz

Reads the folder that S1_DATA names. Accuracy is the share of questions whose domain is one that their source's subject
stands for (``bench/subjects.yaml``), by five folds over distinct questions: all copies of a question are in one fold.
Takes some 5 minutes on one core.
"""

import argparse
import hashlib
import itertools
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.labelled_questions import LabelledQuestion, Subjects, read_labelled, read_subjects
from bench.text_model import CODES, train
from s1.classification.local import MIN_CONFIDENCE, WEIGHTS, LinearModel, LocalClassifier, load_model
from s1.classification.taxonomy import DOMAINS, UNKNOWN_DOMAIN
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import RawRow, read_raw

NUM_FOLDS = 5
LEFT_OUT = ("math", "mmlu", "mmlu-pro", "omni-math", "theoremqa", "college-math", "scibench", "scieval", "jeebench")
"""Sources that are each tested on a model that saw none of their questions."""
CONFIDENCES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.01)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model that never saw a question says of it."""

    question: LabelledQuestion
    code: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether the label allows the guess; confidence is not asked."""
        return self.code in self.question.codes


def guess(model: LinearModel, questions: Sequence[LabelledQuestion]) -> list[Guess]:
    """The likeliest domain of each question; of a text without known words, the first."""
    found = np.nan_to_num(model.probabilities([question.text for question in questions]))
    return [
        Guess(question, CODES[int(row.argmax())], float(row.max()))
        for question, row in zip(questions, found, strict=True)
    ]


def fold_of(question: LabelledQuestion) -> int:
    """By the stem, so that copies stay together."""
    return int(hashlib.sha256(question.stem.encode()).hexdigest(), 16) % NUM_FOLDS


def cross_validate(questions: Sequence[LabelledQuestion], subjects: Subjects) -> list[Guess]:
    """Every question, guessed by a model trained on the other folds."""
    guesses: list[Guess] = []
    for fold in range(NUM_FOLDS):
        model = stored(train([question for question in questions if fold_of(question) != fold], subjects))
        guesses += guess(model, [question for question in questions if fold_of(question) == fold])
    return guesses


def leave_out(questions: Sequence[LabelledQuestion], source: str, subjects: Subjects) -> list[Guess]:
    """A source's questions, guessed by a model that saw neither them nor copies of them in other sources."""
    tested = [question for question in questions if question.source == source]
    stems = {question.stem for question in tested}
    return guess(stored(train([other for other in questions if other.stem not in stems], subjects)), tested)


def stored(model: LinearModel) -> LinearModel:
    """The model as it is after its weights were rounded to 8 bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        model.save(path)
        return load_model(path)


def majority(guesses: Sequence[Guess]) -> float:
    """Accuracy of always saying the code that most of these labels allow."""
    return max(Counter(code for one in guesses for code in one.question.codes).values()) / len(guesses)


def accuracy(guesses: Sequence[Guess]) -> str:
    """In percent."""
    return f"{100 * sum(one.right for one in guesses) / len(guesses):.1f}" if guesses else "-"


def by(guesses: Iterable[Guess], key: Callable[[Guess], str]) -> dict[str, list[Guess]]:
    """Guesses in groups, in alphabetical order."""
    groups: dict[str, list[Guess]] = defaultdict(list)
    for one in guesses:
        groups[key(one)].append(one)
    return dict(sorted(groups.items()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print()


def show_groups(title: str, groups: dict[str, list[Guess]]) -> None:
    """Accuracy of each group, over all its questions and over those whose label is a single code."""
    head = [title, "questions", "accuracy, %", "largest class, %", "of one code", "accuracy there, %"]
    rows = []
    for name, group in groups.items():
        single = [one for one in group if len(one.question.codes) == 1]
        rows.append([name, len(group), accuracy(group), f"{100 * majority(group):.1f}", len(single), accuracy(single)])
    table(head, rows)


def show_subjects(guesses: Iterable[Guess], source: str) -> None:
    """Accuracy of a source's subjects, with the codes that they stand for."""
    groups = by((one for one in guesses if one.question.source == source), lambda one: one.question.label)
    rows = []
    for label, group in groups.items():
        codes = sorted(group[0].question.codes)
        guessed = Counter(one.code for one in group).most_common(3)
        shown = " ".join(codes) if len(codes) <= 9 else f"any of {len(codes)}"
        rows.append([label, shown, len(group), accuracy(group), ", ".join(f"{code} {num}" for code, num in guessed)])
    table([f"{source}: subject", "codes", "questions", "accuracy, %", "most frequent guesses"], rows)


def show_confidence(guesses: Sequence[Guess]) -> None:
    """How often guesses of a confidence are right, and what the threshold leaves without a domain."""
    rows = []
    for low, high in itertools.pairwise(CONFIDENCES):
        group = [one for one in guesses if low <= one.confidence < high]
        rows.append([f"{low:.1f} to {min(high, 1):.1f}", len(group), accuracy(group)])
    table(["confidence", "questions", "accuracy, %"], rows)
    kept = [one for one in guesses if one.confidence >= MIN_CONFIDENCE]
    print(
        f"unknown below {MIN_CONFIDENCE}: {len(guesses) - len(kept)} of {len(guesses)}; the others: {accuracy(kept)}%\n"
    )


def show_confusions(guesses: Iterable[Guess]) -> None:
    """The most frequent mistakes on labels of one code."""
    single = [one for one in guesses if len(one.question.codes) == 1]
    wrong = Counter((next(iter(one.question.codes)), one.code) for one in single if not one.right)
    sizes = Counter(next(iter(one.question.codes)) for one in single)
    rows = [[DOMAINS[true].name, sizes[true], DOMAINS[said].name, num] for (true, said), num in wrong.most_common(12)]
    table(["domain", "questions", "taken for", "times"], rows)


def show_s1k(data: Path, classifier: LocalClassifier) -> None:
    """Which domains the real s1K questions have."""
    rows = read_raw(data / "s1k/s1k.json.gz", shown="s1k.json.gz")
    texts = [ADAPTERS["s1k"].text_of(row) for row in rows if isinstance(row, RawRow)]
    counts = Counter(verdict.domain for verdict in classifier.classify(texts).verdicts)
    known = len(counts.keys() - {UNKNOWN_DOMAIN})
    print(f"real s1K, {len(texts)} questions by {classifier.name}: {known} domains; 51 in the paper's 1,000")
    print(", ".join(f"{name} {num}" for name, num in counts.most_common()) + "\n")


def show_speed(questions: Sequence[LabelledQuestion]) -> None:
    """Seconds for all of them, loading included, and which domains are never named."""
    start = time.perf_counter()
    verdicts = LocalClassifier().classify([question.text for question in questions]).verdicts
    print(f"{len(questions)} questions classified in {time.perf_counter() - start:.1f} s")
    named = {verdict.domain for verdict in verdicts}
    never = [domain.name for domain in DOMAINS.values() if domain.name not in named]
    print(f"{len(DOMAINS) - len(never)} of {len(DOMAINS)} domains occur; never named: {', '.join(never)}\n")


def measure(data: Path) -> None:
    """Print everything of docs/classification.md."""
    subjects = read_subjects()
    questions = read_labelled(data, subjects)
    known = [question for question in questions if not question.held_out]
    held_out = {question.stem for question in questions if question.held_out}
    known = [question for question in known if question.stem not in held_out]
    print(f"{len(known)} labelled questions, {len({question.stem for question in known})} different ones\n")
    guesses = cross_validate(known, subjects)
    never_seen = guess(load_model(WEIGHTS), [question for question in questions if question.held_out])
    show_groups("source", {"all": guesses, **by(guesses, lambda one: one.question.source)})
    show_groups("held out", {"MATH test": never_seen})
    for source in ("math", "mmlu"):
        show_subjects(guesses, source)
    left_out = {source: leave_out(known, source, subjects) for source in LEFT_OUT}
    show_groups("source never seen", left_out)
    origins = by(
        left_out["mmlu-pro"], lambda one: one.question.label.split("-")[0] if "-" in one.question.label else "mmlu"
    )
    show_groups("MMLU-Pro never seen, by origin", origins)
    show_confidence(guesses)
    show_confusions(guesses)
    show_s1k(data, LocalClassifier())
    show_speed(questions)


def write_weights(data: Path) -> None:
    """Train on all labelled questions but the held-out ones, and keep the weights in the program."""
    subjects = read_subjects()
    questions = read_labelled(data, subjects)
    held_out = {question.stem for question in questions if question.held_out}
    known = [question for question in questions if question.stem not in held_out]
    train(known, subjects).save(WEIGHTS)
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes from {len(known)} questions; {LocalClassifier().name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="write new weights instead of measuring")
    arguments = parser.parse_args()
    if "S1_DATA" not in os.environ:
        sys.exit("S1_DATA is not set; set it to the folder with the real question files.")
    folder = Path(os.environ["S1_DATA"])
    write_weights(folder) if arguments.train else measure(folder)
