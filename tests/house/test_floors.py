"""The rules of the house: who may import whom, how modules are called, how long files are."""

import ast
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FLOORS = ("flows", "tasks", "infra", "s1")
GROUND = {"s1.records", "s1.config", "s1.artifacts", "s1.setting_names"}
FORBIDDEN_IN_S1 = {"prefect", "dvc", "mlflow"}
MAX_LINES = 300
FILES = sorted(path for floor in FLOORS for path in (PROJECT / floor).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Every absolute module that a file imports, wherever in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            modules.add(node.module)
    return modules


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> int | None:
    room = module.split(".")[0]
    return FLOORS.index(room) if room in FLOORS else None


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_never_climb_a_floor(path: Path) -> None:
    own = floor_of(name_of(path))
    assert own is not None
    climbing = [name for name in imported_modules(path) if (floor := floor_of(name)) is not None and floor < own]
    assert climbing == []


def on_the_ground(module: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in GROUND)


@pytest.mark.parametrize("path", [path for path in FILES if on_the_ground(name_of(path))], ids=name_of)
def test_the_ground_floor_imports_only_itself(path: Path) -> None:
    inside = {name for name in imported_modules(path) if floor_of(name) is not None}
    assert [name for name in inside if not on_the_ground(name)] == []


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("s1")], ids=name_of)
def test_the_library_knows_no_orchestration(path: Path) -> None:
    assert {name.split(".")[0] for name in imported_modules(path)} & FORBIDDEN_IN_S1 == set()


def test_the_climbing_rule_catches_a_climber(tmp_path: Path) -> None:
    climber = tmp_path / "climber.py"
    climber.write_text("def f() -> None:\n    from tasks.paths import REPORT\n")
    assert [name for name in imported_modules(climber) if floor_of(name) == 1] == ["tasks.paths"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_is_called_like_one_of_the_standard_library(path: Path) -> None:
    assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_is_a_lumber_room(path: Path) -> None:
    assert not {"utils", "util", "common", "helpers"} & set(path.relative_to(PROJECT).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("s1")], ids=name_of)
def test_the_library_does_not_print(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert [call for call in calls if isinstance(call, ast.Name) and call.id == "print"] == []
