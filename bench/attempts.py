"""Our grader on recorded attempts, read as the stage ``attempt`` reads them: coverage, agreement, why the rest differs.

Every recording is joined to its question by id. A letter is compared where both sides found one; responses that name
several letters where one is asked for, or that answer several questions, hold no single answer to compare, and are
counted apart. Prints tables for ``docs/attempts.md``.

Example::

    python -m bench.attempts --data "$S1_DATA"
"""

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.disagreements import answer_class
from bench.recorded import Sample
from s1.attempts.recorded import ATTEMPT_FORMATS, RecordedResponse
from s1.grading import extract_answer, grade
from s1.grading.choices import read_choice
from s1.grading.equivalence import are_equivalent
from s1.recordings import RecordingReading, read_recordings
from s1.records import Question
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import RawRow, read_raw

SEVERAL_QUESTIONS = "answers to several questions, one under the other: theirs is the first, ours the last"
SEVERAL_LETTERS = "several letters where one is asked for: theirs is the first of them, ours all"
_BARE_ANSWERS = re.compile(r"\s*(?:The answer is \(?[A-J]\)?\.?\s*(?:\n\s*|$)){2,}")


@dataclass(slots=True)
class Tally:
    """One model's attempts on one set of questions."""

    counts: Counter[str] = field(default_factory=Counter)
    differing: list[tuple[str, Sample, str]] = field(default_factory=list)
    """Class, response and our answer, where both found one and they differ."""

    def rate(self, name: str, of: str) -> float:
        """One count as a share of another."""
        return self.counts[name] / max(self.counts[of], 1)


def read_questions(path: Path, adapter: str) -> dict[str, Question]:
    """The questions of a file by id."""
    found: dict[str, Question] = {}
    for item in read_raw(path, shown=path.name, layout=ADAPTERS[adapter].layout):
        if isinstance(item, RawRow):
            question = ADAPTERS[adapter].question_of(item, source=adapter)
            found[question.id] = question
    return found


def compare(path: Path, *, adapter: str, questions: dict[str, Question]) -> Tally:
    """Our answers and verdicts beside the recorded ones."""
    tally = Tally()
    reading = RecordingReading(file=path.name)
    for question_id, response in read_recordings(path, ATTEMPT_FORMATS[adapter], reading=reading):
        tally.counts["responses"] += 1
        question = questions.get(question_id)
        if question is None:
            continue
        tally.counts["joined"] += 1
        _count(tally, question, response)
    tally.counts["refused"] = reading.num_bad
    return tally


def _count(tally: Tally, question: Question, response: RecordedResponse) -> None:
    ours, theirs = _answer_of(question, response), _letters(question, response.answer)
    tally.counts["found"] += ours is not None
    if ours is None or theirs is None:
        tally.counts[
            "neither" if ours is None and theirs is None else "only theirs" if ours is None else "only ours"
        ] += 1
        return
    is_same = ours == theirs if question.answer_kind == "choice" else are_equivalent(ours, theirs)
    sample = Sample(question, response.text, extracted=theirs)
    tally.counts["both"] += 1
    tally.counts["same"] += is_same
    tally.counts["same verdict"] += grade(ours, question) == grade(theirs, question)
    name = _class_of(sample, ours)
    tally.counts["one answer"] += name not in (SEVERAL_LETTERS, SEVERAL_QUESTIONS)
    tally.counts["one answer, same"] += is_same and name not in (SEVERAL_LETTERS, SEVERAL_QUESTIONS)
    if not is_same:
        tally.differing.append((name or answer_class(sample, ours), sample, ours))


def _class_of(sample: Sample, ours: str) -> str | None:
    """Why a response holds no single answer to its question; None where it does."""
    if sample.question.answer_kind != "choice":
        return None
    if _BARE_ANSWERS.fullmatch(sample.response or ""):
        return SEVERAL_QUESTIONS
    is_single = len(read_choice(sample.question.answer or "") or "AB") == 1
    return SEVERAL_LETTERS if is_single and len(ours) > 1 and not _may_be_several(sample.question) else None


def _may_be_several(question: Question) -> bool:
    return "multiple" in str(question.metadata.get("type", ""))


def _answer_of(question: Question, response: RecordedResponse) -> str | None:
    if response.state != "answered":
        return None
    return _letters(question, extract_answer(response.text, kind=question.answer_kind))


def _letters(question: Question, answer: str | None) -> str | None:
    """Of a choice question only letters are compared."""
    return answer if answer is None or question.answer_kind != "choice" else read_choice(answer)


def attempt_sets(data: Path) -> Iterator[tuple[str, str, Path, dict[str, Question]]]:
    """Every file of recorded attempts: name, adapter, path, and the questions of its benchmark by id."""
    questions = read_questions(data / "mmlu_pro/model_outputs_Meta-Llama-3_1-8B-Instruct_5shots.zip", "mmlu-pro")
    for path in sorted((data / "mmlu_pro").glob("*.zip")):
        name = path.stem.removeprefix("model_outputs_").removesuffix("_5shots")
        yield f"{name} on MMLU-Pro", "mmlu-pro", path, questions
    questions = read_questions(data / "jeebench/dataset.json", "jeebench")
    for kind in ("choice", "number or expression"):
        of_kind = {key: item for key, item in questions.items() if (item.answer_kind == "choice") == (kind == "choice")}
        for path in sorted((data / "jeebench/responses").glob("*/responses.json.gz")):
            yield f"{path.parent.name.removesuffix('_responses')} on JEEBench, {kind}", "jeebench", path, of_kind
    questions = read_questions(data / "theoremqa/theoremqa_test.json", "theoremqa")
    for path in sorted((data / "theoremqa/outputs").glob("*.jsonl.gz")):
        yield f"{path.name.split('_5shots')[0]} on TheoremQA", "theoremqa", path, questions


def print_table(tallies: dict[str, Tally]) -> None:
    """One row per model and set."""
    print(
        "| attempts | responses | joined | answer found by us | found by both | same | same verdict "
        "| with one answer | same |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for name, tally in tallies.items():
        counts = tally.counts
        print(
            f"| {name} | {counts['responses']:,} | {counts['joined']:,} | {tally.rate('found', 'joined'):.1%} "
            f"| {counts['both']:,} | {tally.rate('same', 'both'):.2%} | {tally.rate('same verdict', 'both'):.2%} "
            f"| {counts['one answer']:,} | {tally.rate('one answer, same', 'one answer'):.2%} |"
        )


def print_classes(tallies: Sequence[Tally]) -> None:
    """Why answers differ: how often, and which side the reference agrees with."""
    classes: dict[str, list[tuple[Sample, str]]] = {}
    for tally in tallies:
        for name, sample, ours in tally.differing:
            classes.setdefault(name, []).append((sample, ours))
    print("\n| why letters differ | responses | ours right | theirs right |\n|---|---:|---:|---:|")
    for name, cases in sorted(classes.items(), key=lambda item: -len(item[1])):
        ours_right = sum(bool(grade(answer, sample.question)) for sample, answer in cases)
        theirs_right = sum(bool(grade(sample.extracted, sample.question)) for sample, _ in cases)
        print(f"| {name} | {len(cases):,} | {ours_right:,} | {theirs_right:,} |")


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.attempts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("S1_DATA"), help="folder of recordings; S1_DATA")
    arguments = parser.parse_args(argv)
    if arguments.data is None or not arguments.data.is_dir():
        parser.error("name the folder of recordings with --data or S1_DATA")
    tallies: dict[str, Tally] = {}
    for name, adapter, path, questions in attempt_sets(arguments.data):
        tallies[name] = compare(path, adapter=adapter, questions=questions)
    choices = {name: tally for name, tally in tallies.items() if "MMLU-Pro" in name or name.endswith("choice")}
    total = Tally()
    for tally in choices.values():
        total.counts.update(tally.counts)
    print_table({**choices, "all choice questions": total})
    print_classes(list(choices.values()))
    print("\nNumbers and expressions:\n")
    print_table({name: tally for name, tally in tallies.items() if name not in choices})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
