"""The README's tree names every module, and every command it shows exists."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(
    path.relative_to(PROJECT)
    for floor in ("flows", "tasks", "infra", "s1", "bench")
    for path in (PROJECT / floor).rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_the_tree_has_one_line_for_every_module(module: Path) -> None:
    tree = README[README.index("## Where things are") :]
    assert re.search(rf"^ +{re.escape(module.name)} {{2,}}\w", tree, re.MULTILINE)


def test_the_tree_names_no_module_that_is_gone() -> None:
    tree = README[README.index("## Where things are") :]
    named = set(re.findall(r"^ +(\w+\.py) ", tree, re.MULTILINE))
    assert named - {path.name for path in MODULES} == set()


def test_every_make_target_that_the_readme_shows_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)\b", README)) <= targets | {"it"}
