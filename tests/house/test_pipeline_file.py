"""``dvc.yaml``, the tasks' signatures and imports, ``params.yaml`` and ``tasks.paths`` say the same."""

import ast
from pathlib import Path

import pytest

import tasks.paths
from infra.pipeline import StageEntry, read_pipeline
from s1.config import NotRunParams, Params, load_params
from tasks.runner import load_task, sections_of, task_module

PROJECT = Path(__file__).resolve().parents[2]
STAGES = read_pipeline(PROJECT / "dvc.yaml")
NO_INPUT = {"s1/artifacts.py", "s1/model_limits.py"}
"""How rows are stored and parameters checked does not decide what a result is; parameters count by their values."""


def source_of(module: str) -> Path | None:
    path = PROJECT / module.replace(".", "/")
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((item for item in candidates if item.is_file()), None)


def library_behind(path: Path) -> set[Path]:
    """Modules of ``s1`` that a file imports, directly or through others of ``s1``."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for source in map(source_of, (name for name in names if name.startswith("s1."))):
                if source is not None and source.name != "__init__.py" and source not in found:
                    found.add(source)
                    waiting.append(source)
    return found


def covers(deps: tuple[Path, ...], path: Path) -> bool:
    return any(path == dep or dep in path.parents for dep in deps)


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_declares_the_parameters_that_its_task_reads(stage: StageEntry) -> None:
    switch = [f"not_run.{stage.name}"] if stage.name in NotRunParams.model_fields else []
    assert sorted(stage.params) == sorted([*switch, *sections_of(load_task(stage.name))])


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_depends_on_its_task_and_the_library_behind_it(stage: StageEntry) -> None:
    task = source_of(task_module(stage.name))
    assert task is not None
    needed = {path.relative_to(PROJECT) for path in {task, *library_behind(task)}}
    assert {str(path) for path in needed if not covers(stage.deps, path)} - NO_INPUT == set()


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_depends_on_no_code_that_is_gone(stage: StageEntry) -> None:
    code = [dep for dep in stage.deps if dep.parts[0] in ("s1", "tasks", "infra") or dep.suffix == ".yaml"]
    assert [str(dep) for dep in code if not (PROJECT / dep).exists()] == []


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_reads_only_what_stages_before_it_write(stage: StageEntry) -> None:
    names = list(STAGES)
    before = [STAGES[name] for name in names[: names.index(stage.name)]]
    written = tuple(path for entry in before for path in (*entry.outs, *entry.metrics, *entry.plots))
    made = [dep for dep in stage.deps if dep.parts[0] in ("data", "models", "metrics", "ledger", "plots")]
    assert [str(dep) for dep in made if not covers(written, dep)] == []


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_writes_its_metrics_and_ledger_and_calls_itself(stage: StageEntry) -> None:
    assert stage.command == f"python -m flows.stage {stage.name}"
    assert stage.metrics == (Path(f"metrics/{stage.name}.json"),)
    assert Path(f"ledger/{stage.name}.json") in stage.outs


def test_every_stage_has_a_section_of_its_name_and_every_section_a_stage() -> None:
    assert list(STAGES) == [name for name in Params.model_fields if name not in ("seed", "not_run", "chat")]


def test_every_path_of_tasks_lies_in_the_output_of_one_stage() -> None:
    outs = [out for stage in STAGES.values() for out in (*stage.outs, *stage.plots)]
    paths = [
        value for name, value in vars(tasks.paths).items() if isinstance(value, Path) and not name.endswith("_FOLDER")
    ]
    assert len(paths) >= 12
    homeless = [str(path) for path in paths if sum(path == out or out in path.parents for out in outs) != 1]
    assert homeless == []


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_depends_on_every_artifact_whose_path_its_task_names(stage: StageEntry) -> None:
    source = source_of(task_module(stage.name))
    assert source is not None
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tasks.paths"
        for alias in node.names
    ]
    artifacts = [path for name in names for path in _paths_of(name)]
    mentioned = (*stage.deps, *stage.outs, *stage.plots)
    missing = [
        path
        for path in artifacts
        if not covers(mentioned, path) and not any(path in item.parents for item in mentioned)
    ]
    assert [str(path) for path in missing] == []


def _paths_of(name: str) -> list[Path]:
    value = getattr(tasks.paths, name)
    if isinstance(value, dict):
        return list(value.values())
    return [value] if isinstance(value, Path) and not name.endswith("_FOLDER") else []


def test_params_yaml_is_the_nano_profile() -> None:
    assert (PROJECT / "params.yaml").read_bytes() == (PROJECT / "profiles/nano.yaml").read_bytes()


@pytest.mark.parametrize("path", sorted((PROJECT / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_can_be_used(path: Path) -> None:
    assert isinstance(load_params(path), Params)
