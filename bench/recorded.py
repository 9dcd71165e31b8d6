"""Readers of recorded model outputs: what a model was asked, what it wrote, and what the recorder made of it.

The files come from public repositories and are kept apart by what they hold: a verdict, an extracted answer, or only
the text. Knows their formats; grades nothing (``bench.agreement``).

Example::

    for sample in read_qwen_math(Path("data/qwen25_math_rm")): sample.response, sample.verdict
"""

import csv
import gzip
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s1.grading import answer_part
from s1.records import AnswerKind, Question

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded response."""

    question: Question
    response: str | None
    """The answer part of what the model wrote; None where it was cut while thinking."""
    verdict: bool | None = None
    """Whether the recorder held it for right."""
    extracted: str | None = None
    """What the recorder read out of it."""
    thinking: str = ""
    """What the model wrote before its answer."""


def read_qwen_math(folder: Path) -> Iterator[Sample]:
    """Qwen2.5-Math on 100 MATH questions, 8 responses each, every one with a verdict."""
    for row in read_rows(folder / "math_cot_100.jsonl.gz"):
        question = _question(row["question"], row["gt"])
        for response, verdict in zip(row["code"], row["score"], strict=True):
            yield Sample(question, response, verdict=bool(verdict))


def read_r1_traces(folder: Path) -> Iterator[Sample]:
    """DeepSeek-R1 on 413 choice questions; all were verified to be right before they were published."""
    for row in read_rows(folder / "pcmb_traces.jsonl.gz"):
        question = _question(row["question"], row["answer_letter"], kind="choice", options=row["options"])
        verified = row["verification_status"] == "matched" and row["predicted_letter"] == row["answer_letter"]
        yield Sample(question, row["answer_text"], verdict=verified, extracted=row["predicted_letter"])


def read_r1_aime(folder: Path) -> Iterator[Sample]:
    """DeepSeek-R1 on AIME 2024, with the answers that the recorder read out."""
    csv.field_size_limit(sys.maxsize)
    with (folder / "aime_2024_deepseek_r1_completions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            response = answer_part(row["model_completion"])
            yield Sample(_question(row["question"], row["answer"]), response, extracted=row["extracted_answer"] or None)


def read_mmlu_pro(path: Path) -> Iterator[Sample]:
    """One model on MMLU-Pro, with the letters that the recorder read out."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        rows = json.load(file)
    for row in rows:
        question = _question(row["question"], row["answer"], kind="choice", options=row["options"])
        response = row.get("generated_text", row.get("model_outputs"))
        yield Sample(question, response, extracted=row["pred"])


def read_jeebench(path: Path) -> Iterator[Sample]:
    """A GPT model on JEEBench; the recorder's extraction was checked by people."""
    for row in json.loads(gzip.decompress(path.read_bytes())):
        kind: AnswerKind = "choice" if row["type"].startswith("MCQ") else "expression"
        content = next(row[key] for key in row if key.endswith("_response"))["choices"][0]["message"]["content"]
        extracted = str(row["extract"]).strip()
        found = None if extracted in ("", "None") else extracted
        yield Sample(_question(row["question"], row["gold"], kind=kind), content, extracted=found)


def read_theoremqa(path: Path) -> Iterator[Sample]:
    """A small model on TheoremQA, with the answers that the recorder read out."""
    for row in read_rows(path):
        yield Sample(_question(row["question"], str(row["correct"][0])), row["solution"], extracted=row["pred"] or None)


def read_pairs(path: Path, *, model: str) -> Iterator[Sample]:
    """One of the three models (``base_model``, ``thinking_model``, ``hybrid_model``) of a file of pairs."""
    for row in json.loads(gzip.decompress(path.read_bytes()))["tasks"]:
        question = _question(row["question"], row["correct_answer"].rpartition("####")[2].strip())
        text = row["model_answers"][model]
        thought, found, _ = text.rpartition("</think>")
        # A thinking model opens its thinking in the prompt: without an end, all of it is thinking.
        is_cut = model == "thinking_model" and not found
        yield Sample(question, None if is_cut else answer_part(text), thinking=thought)


def read_recorded_counts(path: Path) -> dict[str, tuple[int, int]]:
    """Right answers and tasks of each model, as the file's own judge counted them."""
    data = json.loads(gzip.decompress(path.read_bytes()))
    return {name: (count, data["metadata"]["n_tasks"]) for name, count in data["results"]["correct_count"].items()}


def read_global_mmlu(folder: Path) -> Iterator[Sample]:
    """s1.1-32B (or the model before fine-tuning) on Global-MMLU English under one budget of thinking tokens."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        for row in read_rows(path):
            doc, text = row["doc"], row["resps"][0][0]
            options = [doc[f"option_{letter}"] for letter in "abcd"]
            question = _question(f"{doc['sample_id']} {doc['question']}", row["target"], kind="choice", options=options)
            response, thinking = split_s1(text)
            yield Sample(question, response, thinking=thinking)


def read_mgsm(path: Path) -> Iterator[Sample]:
    """An s1.1 model on MGSM English: whole transcripts."""
    for row in read_rows(path):
        assistant = row["output"].rpartition("<|im_start|>assistant\n")[2]
        response, thinking = split_s1(assistant)
        yield Sample(_question(row["prompt"], str(row["gold_answer"])), response, thinking=thinking)


def split_s1(text: str) -> tuple[str | None, str]:
    """Answer (None where there is none) and thinking of a transcript with s1's delimiters.

    Some transcripts have only the "Final Answer:" that was forced behind a cut thinking.
    """
    start, answer, forced = "<|im_start|>think", "<|im_start|>answer", "\nFinal Answer:"
    thinking = re.split(f"{re.escape(answer)}|{forced}", text, maxsplit=1)[0].removeprefix(start)
    _, found, rest = text.rpartition(forced)
    if answer not in text and found:
        return f"Final Answer:{rest}", thinking
    return answer_part(text, think_start=start, answer_start=answer), thinking if start in text else ""


def read_rows(path: Path) -> Iterator[Row]:
    """Objects of a JSON-lines file, gzipped or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    for line in text.split("\n"):  # splitlines would also split at characters that JSON lines may hold
        if line:
            yield json.loads(line)


def _question(text: str, answer: str, *, kind: AnswerKind = "expression", options: list[str] | None = None) -> Question:
    metadata: dict[str, Any] = {"options": options} if options else {}
    return Question.create(
        question=text, solution="", answer=answer, answer_kind=kind, source="recorded", metadata=metadata
    )
