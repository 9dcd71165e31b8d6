"""The real question files, where ``S1_DATA`` names them: nothing is lost, and the counts are those of MANIFEST.md."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from bench.question_files import PROFILE, Folder, count, stated
from s1.config import FilesSource, load_params
from s1.sources.manifest import DATA_PREFIX

DATA = Path(os.environ.get("S1_DATA", "nowhere"))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="S1_DATA names no folder of question files")

FEWER = {"agieval": 2, "mmlu_pro": 7}
"""Two rows without an option's text are refused; seven questions stand only in attempt files that the profile leaves
out, with other typing errors."""


@pytest.fixture(scope="module")
def folders() -> dict[str, Folder]:
    found: defaultdict[str, Folder] = defaultdict(Folder)
    for source in load_params(PROFILE).collect.sources:
        assert isinstance(source, FilesSource)
        for path in source.paths:
            count(source.adapter, path, DATA, found[path.removeprefix(DATA_PREFIX).split("/")[0]])
    return found


def test_every_folder_holds_the_questions_that_its_manifest_states(folders: dict[str, Folder]) -> None:
    wanted = stated((DATA / "MANIFEST.md").read_text(encoding="utf-8"))
    wanted.pop("union")
    assert len(wanted) == 28
    found = {name: len(folder.stems) + FEWER.get(name, 0) for name, folder in folders.items()}
    assert found == wanted


def test_two_rows_of_all_are_refused(folders: dict[str, Folder]) -> None:
    assert {name: folder.refused for name, folder in folders.items() if folder.refused} == {"agieval": 2}


def test_questions_of_one_collection_in_another_have_the_same_id(folders: dict[str, Folder]) -> None:
    elsewhere = folders["mmlu_pro"].ids | folders["mmlu"].ids
    assert len(folders["r1_pcmb"].ids & elsewhere) > 0
    assert folders["aqua"].ids <= folders["agieval"].ids
