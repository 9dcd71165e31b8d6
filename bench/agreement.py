"""The grader against recorded outputs of real models, kept apart by what the recordings hold.

Verdicts: ours against theirs. Extracted answers: ours against theirs. Neither: graded against the reference, the
scaling curve of s1.1-32B with it. Prints tables for ``docs/benchmarks.md``; every class of disagreement is found by
code (``bench.disagreements``) and shown with its number and an example.

Example::

    python -m bench.agreement --data "$S1_DATA" --curve docs/images/s1.1-32b-global-mmlu.svg
"""

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.disagreements import answer_class, verdict_class
from bench.recorded import (
    Sample,
    read_global_mmlu,
    read_jeebench,
    read_mgsm,
    read_mmlu_pro,
    read_pairs,
    read_qwen_math,
    read_r1_aime,
    read_r1_traces,
    read_recorded_counts,
    read_theoremqa,
)
from bench.recorded_curve import print_curve
from s1.grading import extract_answer, grade
from s1.grading.choices import read_choice
from s1.grading.equivalence import are_equivalent
from s1.metrics.estimates import wilson_interval

Reader = Callable[[], Iterable[Sample]]
_BUDGETS = (500, 1000, 2000, 4000, 8000)


@dataclass
class Tally:
    """What came out of one set of recordings."""

    counts: Counter[str] = field(default_factory=Counter)
    classes: dict[str, list[tuple[Sample, str | None]]] = field(default_factory=dict)

    @property
    def agreement(self) -> float:
        """Share of the comparable rows on which both say the same."""
        return self.counts["same"] / max(self.counts["same"] + self.counts["different"], 1)


def answer_of(sample: Sample) -> str | None:
    """Our extraction; of a choice question only letters count."""
    if sample.response is None:
        return None
    answer = extract_answer(sample.response, kind=sample.question.answer_kind)
    is_choice = sample.question.answer_kind == "choice"
    return answer if answer is None or not is_choice else read_choice(answer)


def compare_verdicts(samples: Iterable[Sample]) -> Tally:
    """Our verdict against the recorded one; a response without an answer is wrong."""
    tally = Tally()
    for sample in samples:
        answer = answer_of(sample)
        verdict = grade(answer, sample.question)
        tally.counts["rows"] += 1
        if verdict is None or sample.verdict is None:
            tally.counts["ungradable"] += 1
            continue
        tally.counts["same" if verdict == sample.verdict else "different"] += 1
        if verdict != sample.verdict:
            tally.classes.setdefault(verdict_class(sample, answer), []).append((sample, answer))
    return tally


def compare_answers(samples: Iterable[Sample]) -> Tally:
    """Our extraction against the recorded one, where both found something; the rest is counted apart."""
    tally = Tally()
    for sample in samples:
        answer = answer_of(sample)
        tally.counts["rows"] += 1
        if answer is None and sample.extracted is None:
            tally.counts["neither"] += 1
            continue
        if answer is None or sample.extracted is None:
            tally.counts["only ours" if sample.extracted is None else "only theirs"] += 1
        elif _are_same(answer, sample):
            tally.counts["same"] += 1
            continue
        else:
            tally.counts["different"] += 1
        tally.classes.setdefault(answer_class(sample, answer), []).append((sample, answer))
    return tally


def _are_same(answer: str, sample: Sample) -> bool:
    assert sample.extracted is not None
    if sample.question.answer_kind == "choice":
        return answer == (read_choice(sample.extracted) or sample.extracted)
    return are_equivalent(answer, sample.extracted)


def grade_samples(samples: Iterable[Sample]) -> Counter[str]:
    """Responses by what they are worth against the reference."""
    counts: Counter[str] = Counter()
    for sample in samples:
        answer = answer_of(sample)
        if sample.response is None or answer is None:
            counts["cut" if sample.response is None else "no answer"] += 1
        else:
            counts["right" if grade(answer, sample.question) else "wrong"] += 1
    return counts


def verdict_sets(data: Path) -> dict[str, Reader]:
    """Sets that record a verdict."""
    return {
        "Qwen2.5-Math on MATH": partial(read_qwen_math, data / "qwen25_math_rm"),
        "DeepSeek-R1, choice questions": partial(read_r1_traces, data / "r1_pcmb"),
    }


def answer_sets(data: Path) -> dict[str, Reader]:
    """Sets that record an extracted answer."""
    sets: dict[str, Reader] = {"DeepSeek-R1 on AIME24": partial(read_r1_aime, data / "r1_aime24")}
    for path in sorted((data / "mmlu_pro").glob("*.zip")):
        name = path.stem.removeprefix("model_outputs_").removesuffix("_5shots")
        sets[f"{name} on MMLU-Pro"] = partial(read_mmlu_pro, path)
    for path in sorted((data / "jeebench/responses").glob("*/responses.json.gz")):
        sets[f"{path.parent.name.removesuffix('_responses')} on JEEBench"] = partial(read_jeebench, path)
    for path in sorted((data / "theoremqa/outputs").glob("*.jsonl.gz")):
        sets[f"{path.name.split('_5shots')[0]} on TheoremQA"] = partial(read_theoremqa, path)
    return sets


def reference_sets(data: Path) -> Iterator[tuple[str, Reader, int | None]]:
    """Sets that record neither, with what their recorder's own judge counted, where it did."""
    logs = data / "s11_budget_forcing"
    yield (
        "Qwen2.5-32B-Instruct on Global-MMLU",
        partial(read_global_mmlu, logs / "global_mmlu_en/qwen-32B-global_mmlu"),
        None,
    )
    for budget in _BUDGETS:
        folder = logs / f"global_mmlu_en/s1.1-32B-global_mmlu_{budget}"
        yield f"s1.1-32B on Global-MMLU, budget {budget:,}", partial(read_global_mmlu, folder), None
    for path in sorted((logs / "mgsm_en").glob("*/s1_infer_8000.jsonl.gz")):
        yield f"s1.1 {path.parent.name} on MGSM", partial(read_mgsm, path), None
    for path in sorted((data / "reasoning_pairs").glob("benchmark_results_*.json.gz")):
        pair, benchmark = path.name.removeprefix("benchmark_results_").removesuffix(".json.gz").rsplit("_", 1)
        for model, (right, _) in read_recorded_counts(path).items():
            role = model.removesuffix("_model")
            yield f"{pair} ({role}) on {benchmark}", partial(read_pairs, path, model=model), right


def print_verdicts(sets: dict[str, Reader]) -> None:
    """The table of verdicts, and why some differ."""
    print("\n| recorded verdicts | responses | ungradable | same verdict | agreement |\n|---|---:|---:|---:|---:|")
    tallies = {name: compare_verdicts(read()) for name, read in sets.items()}
    for name, tally in tallies.items():
        counts = tally.counts
        print(
            f"| {name} | {counts['rows']:,} | {counts['ungradable']:,} | {counts['same']:,} | {tally.agreement:.2%} |"
        )
    _print_classes(tallies)


def print_answers(sets: dict[str, Reader]) -> None:
    """The table of extracted answers, and why some differ."""
    print("\n| recorded answers | responses | found by both | same | agreement | only ours | only theirs | neither |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    tallies = {name: compare_answers(read()) for name, read in sets.items()}
    for name, tally in tallies.items():
        counts = tally.counts
        both = counts["same"] + counts["different"]
        apart = " | ".join(f"{counts[key]:,}" for key in ("only ours", "only theirs", "neither"))
        print(f"| {name} | {counts['rows']:,} | {both:,} | {counts['same']:,} | {tally.agreement:.1%} | {apart} |")
    _print_classes(tallies)


def _print_classes(tallies: dict[str, Tally]) -> None:
    """Every class of disagreement: how often, who is right by the reference, where most are from, one example."""
    merged: dict[str, list[tuple[str, Sample, str | None]]] = {}
    for source, tally in tallies.items():
        for name, rows in tally.classes.items():
            merged.setdefault(name, []).extend((source, *row) for row in rows)
    print(
        "\n| why they differ | rows | ours right | theirs right | most are from | example (ours; theirs; reference) |"
    )
    print("|---|---:|---:|---:|---|---|")
    for name, cases in sorted(merged.items(), key=lambda item: -len(item[1])):
        sources: dict[str, list[tuple[Sample, str | None]]] = {}
        for source, sample, answer in cases:
            sources.setdefault(source, []).append((sample, answer))
        ours, theirs = _count_right([case for of_source in sources.values() for case in of_source])
        largest = sorted(sources.items(), key=lambda item: -len(item[1]))[:2]
        places = ", ".join(f"{source} {len(of)} ({_split(of)})" for source, of in largest)
        _, sample, answer = min(cases, key=lambda case: len(f"{case[2]}{case[1].extracted}{case[1].question.answer}"))
        found = sample.extracted if sample.verdict is None else f"verdict {sample.verdict}"
        example = "; ".join(_short(text) for text in (answer, found, sample.question.answer))
        print(f"| {name} | {len(cases):,} | {ours:,} | {theirs:,} | {places} | {example} |")


def _count_right(cases: Sequence[tuple[Sample, str | None]]) -> tuple[int, int]:
    ours = sum(bool(grade(answer, sample.question)) for sample, answer in cases)
    return ours, sum(_is_theirs_right(sample) for sample, _ in cases)


def _split(cases: Sequence[tuple[Sample, str | None]]) -> str:
    ours, theirs = _count_right(cases)
    return f"right: ours {ours}, theirs {theirs}"


def _is_theirs_right(sample: Sample) -> bool:
    return bool(sample.verdict) if sample.verdict is not None else grade(sample.extracted, sample.question) is True


def _short(text: str | None) -> str:
    return "none" if text is None else f"`{' '.join(text.split())[:40]}`".replace("|", "\\|")


def print_references(sets: Iterable[tuple[str, Reader, int | None]], *, confidence: float) -> None:
    """The table of what is graded against the reference."""
    print("\n| no record | responses | cut | no answer | graded | right | accuracy | right by their judge |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    lenient: list[str] = []
    num_judged = num_within = 0
    for name, read, recorded in sets:
        counts = grade_samples(read())
        num = counts.total()
        low, high = wilson_interval(counts["right"], num, confidence=confidence)
        shown = f"{counts['right'] / num:.1%} [{low:.1%}, {high:.1%}]"
        apart = f"{counts['cut']:,} | {counts['no answer']:,} | {counts['right'] + counts['wrong']:,}"
        print(f"| {name} | {num:,} | {apart} | {counts['right']:,} | {shown} | {recorded or ''} |")
        if recorded is not None:
            num_judged += 1
            num_within += counts["right"] <= recorded <= num - counts["wrong"]
            surplus = recorded - counts["right"] - counts["wrong"]
            lenient += [f"{name}: at least {surplus}"] if surplus > 0 else []
    print(f"\nTheir judge's count lies between right and right + cut + no answer in {num_within} of {num_judged} sets.")
    print(f"Cut or unanswered responses that their judge holds for right: {'; '.join(lenient) or 'none for certain'}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.agreement", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("S1_DATA"), help="folder of recordings; S1_DATA")
    parser.add_argument("--tokenizer", type=Path, help="Qwen2.5's tokenizer; beside the data without it")
    parser.add_argument("--curve", type=Path, help="write the drawing of the scaling curve here (SVG)")
    arguments = parser.parse_args(argv)
    if arguments.data is None or not arguments.data.is_dir():
        parser.error("name the folder of recordings with --data or S1_DATA")
    data: Path = arguments.data
    print_verdicts(verdict_sets(data))
    print_answers(answer_sets(data))
    print_references(reference_sets(data), confidence=0.95)
    print_curve(
        {
            budget: [*read_global_mmlu(data / f"s11_budget_forcing/global_mmlu_en/s1.1-32B-global_mmlu_{budget}")]
            for budget in _BUDGETS
        },
        baseline=[*read_global_mmlu(data / "s11_budget_forcing/global_mmlu_en/qwen-32B-global_mmlu")],
        tokenizer=arguments.tokenizer or data.parent / "tokenizer/qwen2.5",
        image=arguments.curve,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
