"""The paper's 16 sources, from folders in the hub's layout: made-up rows in the real columns, no network."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import JsonValue

from s1.config import PoolSource
from s1.records import Question
from s1.sources import SourceError
from s1.sources.pool import POOL
from tests.sources.reads import Read, read_all

Rows = Sequence[Mapping[str, object]]


def publish(hub: Path, repo: str, parts: dict[tuple[str | None, str], Rows]) -> None:
    """Lay a data set out as on the hub: parquet files, and a card that says which belong to which subset and split."""
    folder = hub / repo
    subsets: dict[str, list[str]] = {}
    for (subset, split), rows in parts.items():
        place = folder / (subset or "data") / f"{split}-00000-of-00001.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        every = [row for (name, _), others in parts.items() if name == subset for row in others]
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.Table.from_pylist(every).schema), place)
        path = f"{subset or 'data'}/{split}-*"
        subsets.setdefault(subset or "default", []).append(f"  - split: {split}\n    path: {path}\n")
    configs = "".join(f"- config_name: {name}\n  data_files:\n{''.join(files)}" for name, files in subsets.items())
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")


def collect(name: str, hub: Path, **options: object) -> Read:
    source = PoolSource.model_validate({"kind": "pool", "name": name, "path": str(hub), **options})
    return read_all(source)


def texts(read: Read) -> list[str]:
    return [question.question for question in read.questions]


def test_the_pool_has_the_papers_16_sources() -> None:
    assert len(POOL) == 16
    assert {part.repo for part in POOL["gpqa"].parts} == {"Idavidrein/gpqa"}


def test_numinamath_is_the_forum_and_the_sampled_500(tmp_path: Path) -> None:
    rows = [("forum", "aops_forum"), ("sampled", "olympiads"), ("other", "olympiads")]
    numina: Rows = [{"problem": text, "solution": "so", "source": source, "messages": []} for text, source in rows]
    publish(tmp_path, "AI-MO/NuminaMath-CoT", {(None, "train"): numina})
    publish(tmp_path, "simplescaling/numinamath_500", {(None, "train"): [{"problem": "sampled"}]})
    read = collect("numinamath", tmp_path)
    assert texts(read) == ["forum", "sampled"]
    total = read.tally.total
    assert (total.read, total.kept, total.refused, total.left_out) == (3, 2, 0, 1)
    assert "numinamath_500" in read.refusals[0].detail


def test_what_the_rules_leave_out_is_not_bad(tmp_path: Path) -> None:
    rows: Rows = [
        {"ID": f"{year}-1", "Year": year, "Question": f"{year}?", "Answer": "7"} for year in (1983, 2021, 2022)
    ]
    publish(tmp_path, "qq8933/AIME_1983_2024", {(None, "train"): rows})
    read = collect("aime", tmp_path)
    assert (texts(read), read.questions[0].answer, read.questions[0].metadata["Year"]) == (
        ["1983?", "2021?"],
        "7",
        1983,
    )
    read.tally.check(max_bad_share=0.0)


def test_olympicarena_gives_english_text_of_all_subjects_and_both_splits(tmp_path: Path) -> None:
    def rows(subject: str, split: str) -> Rows:
        return [
            {
                "id": subject,
                "problem": f"{subject} {split} {language} {modality}",
                "solution": None if split == "test" else "so",
                "language": language,
                "modality": modality,
                "subject": subject,
            }
            for language, modality in (("EN", "text-only"), ("ZH", "text-only"), ("EN", "multi-modal"))
        ]

    subjects = ["Math", "Physics", "Chemistry", "Biology", "Geography", "Astronomy", "CS"]
    publish(
        tmp_path,
        "GAIR/OlympicArena",
        {(name, split): rows(name, split) for name in subjects for split in ("test", "val")},
    )
    read = collect("olympicarena", tmp_path)
    assert texts(read) == [f"{name} {split} EN text-only" for name in subjects for split in ("test", "val")]
    assert [question.solution for question in read.questions[:2]] == ["", "so"]
    assert read.questions[0].metadata["file"] == "GAIR/OlympicArena/Math, split test"


def test_agieval_has_passages_options_and_only_the_hardest_mathematics(tmp_path: Path) -> None:
    subsets = ["sat_en", "sat_math", "lsat_ar", "lsat_lr", "lsat_rc", "logiqa", "aqua_rat"]
    parts: dict[tuple[str | None, str], Rows] = {}
    for split in ("test", "few_shot"):
        for name in subsets:
            row = {"passage": f"{name} {split}.", "question": "So?", "options": ["(A)x", "(B)y"], "label": "B"}
            parts[name, split] = [{**row, "solution": "because"}]
        levels = [{"question": f"{split} {level}", "level": level, "solution": "3", "answer": "3"} for level in (4, 5)]
        parts["math_agieval", split] = levels
    publish(tmp_path, "baber/agieval", parts)
    read = collect("agieval", tmp_path)
    assert read.questions[0].question == "sat_en test.\n\nSo?\n\nA) x\nB) y"
    assert (read.questions[0].answer, read.questions[0].solution) == ("B", "because")
    assert texts(read)[-2:] == ["test 5", "few_shot 5"] and len(read.questions) == 16
    assert read.tally.total.left_out == 2


def test_gpqa_is_the_extended_set_without_diamond(tmp_path: Path) -> None:
    def rows(*names: str) -> Rows:
        wrong = {f"Incorrect Answer {number}": f"wrong {number}" for number in (1, 2, 3)}
        return [{"Question": name, "Correct Answer": "right", **wrong, "Explanation": "so"} for name in names]

    parts: dict[tuple[str | None, str], Rows] = {
        ("gpqa_extended", "train"): rows("one?", "two? ", "three?"),
        ("gpqa_diamond", "train"): rows("two?"),
    }
    publish(tmp_path, "Idavidrein/gpqa", parts)
    read = collect("gpqa", tmp_path)
    assert [text.partition("\n")[0] for text in texts(read)] == ["one?", "three?"]
    for question in read.questions:
        assert f"{question.answer}) right" in question.question and question.solution == "so"


def test_livecodebench_reads_the_files_of_release_3_without_its_script(tmp_path: Path) -> None:
    folder = tmp_path / "livecodebench/code_generation_lite"
    folder.mkdir(parents=True)
    (folder / "code_generation_lite.py").write_text("raise SystemExit('never run')")
    for number, difficulty in enumerate(["easy", "hard", "hard", "hard"], start=1):
        row = {"question_content": f"task {number}", "difficulty": difficulty, "private_test_cases": "x"}
        (folder / f"test{number if number > 1 else ''}.jsonl").write_text(json.dumps(row) + "\n")
    read = collect("livecodebench", tmp_path)
    assert (texts(read), read.questions[0].answer_kind) == (["task 2", "task 3"], "prose")


_OLYMPIAD: dict[str, JsonValue] = {"question": "x?", "context": "Let x be.", "solution": ["so"], "final_answer": ["1"]}

SINGLE: list[tuple[str, str, str, dict[str, object], dict[str, object]]] = [
    (
        "math",
        "simplescaling/openaimath",
        "train",
        {"problem": "1+1?", "solution": "2", "subject": "Algebra"},
        {"question": "1+1?", "solution": "2", "metadata.subject": "Algebra"},
    ),
    (
        "omnimath",
        "KbsdJames/Omni-MATH",
        "test",
        {"domain": ["Algebra"], "difficulty": 7.5, "problem": "x?", "solution": "so", "answer": "3", "source": "IMO"},
        {"question": "x?", "answer": "3", "metadata.subject": "Algebra", "metadata.level": "7.5"},
    ),
    (
        "xword",
        "0xharib/xword1",
        "train",
        {"instruction": "Solve.", "input": "### Clue: Desert (5)\n### Answer:", "output": "LEAVE"},
        {
            "question": "Solve the crossword puzzle. You are presented with a clue as input and the number of letters "
            "in brackets.\n\nDesert (5)",
            "answer": "LEAVE",
            "answer_kind": "prose",
        },
    ),
    (
        "theoremqa",
        "TIGER-Lab/TheoremQA",
        "test",
        {"Question": "x?", "Answer": "1.5", "Answer_type": "float", "Picture": None},
        {"question": "x?", "answer": "1.5", "answer_kind": "number"},
    ),
    (
        "usaco",
        "codegenning/usacobench_formatted",
        "test",
        {"question": "Cows.", "name": "cows"},
        {"question": "Cows.", "solution": "", "answer": None, "answer_kind": "prose"},
    ),
    (
        "jeebench",
        "daman1209arora/jeebench",
        "test",
        {"question": "x?", "gold": "AB", "subject": "phy", "type": "MCQ(multiple)"},
        {"question": "x?", "answer": "AB", "answer_kind": "choice", "metadata.subject": "phy"},
    ),
    (
        "s1-prob",
        "simplescaling/s1-prob",
        "train",
        {"question": "Prove it.", "solution": "so"},
        {"question": "Prove it.", "solution": "so", "answer_kind": "prose"},
    ),
    (
        "s1-teasers",
        "simplescaling/s1-teasers",
        "train",
        {"Question": "Bet?", "Answer": "no"},
        {"question": "Bet?", "solution": "no", "answer_kind": "prose"},
    ),
]


@pytest.mark.parametrize(("name", "repo", "split", "row", "expected"), SINGLE, ids=[case[0] for case in SINGLE])
def test_a_row_of_a_data_set_with_one_part(
    tmp_path: Path, name: str, repo: str, split: str, row: dict[str, object], expected: dict[str, object]
) -> None:
    publish(tmp_path, repo, {(None, split): [row]})
    (question,) = collect(name, tmp_path).questions
    assert {key: _look_up(question, key) for key in expected} == expected


def _look_up(question: Question, key: str) -> object:
    first, _, rest = key.partition(".")
    return question.metadata.get(rest) if rest else getattr(question, first)


def test_scieval_and_olympiadbench_read_all_their_parts(tmp_path: Path) -> None:
    row = {"question": "How?\n\nAnswer:", "answer": ["so"], "type": "filling"}
    unanswered = {"question": "And?\n\nAnswer:", "answer": None, "type": "filling"}
    publish(tmp_path, "OpenDFM/SciEval", {(None, "test"): [row, unanswered], (None, "validation"): [row]})
    read = collect("scieval", tmp_path)
    assert (texts(read), read.tally.total.left_out) == (["How?", "How?"], 1)
    subsets = ["OE_TO_maths_en_COMP", "OE_TO_physics_en_COMP", "TP_TO_maths_en_COMP", "TP_TO_physics_en_COMP"]
    publish(tmp_path, "Hothan/OlympiadBench", {(name, "train"): [dict(_OLYMPIAD)] for name in subsets})
    assert texts(collect("olympiadbench", tmp_path)) == ["Let x be.\n\nx?"] * 4


def test_every_source_of_the_pool_is_tested_here() -> None:
    by_name = {"numinamath", "aime", "olympicarena", "agieval", "gpqa", "livecodebench", "scieval", "olympiadbench"}
    assert by_name | {case[0] for case in SINGLE} == set(POOL)


def test_a_data_set_that_the_folder_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'s1-prob': data set simplescaling/s1-prob .* there is no folder"):
        collect("s1-prob", tmp_path)


def test_a_name_that_is_none_of_the_16_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no source 'numina'; it has \['agieval', "):
        collect("numina", tmp_path)


def test_a_pinned_revision_is_what_the_hub_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[tuple[str, str | None]] = []

    def load(repo: str, *, name: str | None, split: str, revision: str | None) -> datasets.Dataset:
        asked.append((repo, revision))
        return datasets.Dataset.from_list([{"question": "Cows."}])

    monkeypatch.setattr(datasets, "load_dataset", load)
    repo = "codegenning/usacobench_formatted"
    source = PoolSource(kind="pool", name="usaco", revisions={repo: "abc123"})
    assert (texts(read_all(source)), asked) == (["Cows."], [(repo, "abc123")])
