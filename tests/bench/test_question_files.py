"""The count of question files: made-up files, and a manifest like the real one's."""

import json
from pathlib import Path

from bench.question_files import Folder, count, stated

MANIFEST = """
| folder | distinct questions |
|---|---:|
| `math/` | 12,498 |
| **union of all question sources** | **72,069** |
| `math/train.jsonl.gz` | somewhere | MIT | 7,500 |
"""


def test_a_manifest_states_folders_and_their_union() -> None:
    assert stated(MANIFEST) == {"math": 12498, "union": 72069}


def test_questions_are_counted_without_and_with_their_options(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "options": ["one", "two"], "answer": "A"},
        {"question": " which? ", "options": ["one", "three"], "answer": "A"},
        {"question": "Which?", "options": ["One", "two"], "answer": "A"},
        {"question": "Which?", "options": ["one", ""], "answer": "A"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    folder = Folder()
    count("mmlu-pro", "$S1_DATA/a.jsonl", tmp_path, folder)
    assert (folder.rows, folder.refused, len(folder.stems), len(folder.ids)) == (4, 1, 1, 2)
