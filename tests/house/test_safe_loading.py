"""Nothing that is read can run: no pickles, no unsafe YAML, no code beside models, no shells, no evaluated text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted(path for room in ("flows", "tasks", "infra", "s1", "bench") for path in (PROJECT / room).rglob("*.py"))
LOADER = PROJECT / "s1/model_loading.py"
ALLOWED = {
    LOADER: {"from_pretrained"},
    # DeepSpeed's states are pickles. They lie in the stage's own work folder, which only this project's training
    # writes: neither git nor DVC carries it from elsewhere.
    PROJECT / "s1/training/resuming.py": {"load_checkpoint"},
}

PICKLES = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
NEVER = {"eval", "exec", "os.system", "os.popen", "torch.load"}
NEVER_METHODS = {"read_pickle", "from_pretrained", "load_checkpoint", "unsafe_load", "full_load"}
NEVER_ARGUMENTS = {("shell", True), ("allow_pickle", True), ("trust_remote_code", True), ("weights_only", False)}


def faults_in(source: str) -> Iterator[str]:
    """What the source does that could run what it reads."""
    tree = ast.parse(source)
    imported = {name for node in ast.walk(tree) for name in imported_by(node)}
    yield from imported & PICKLES
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from faults_of_call(node, has_pyyaml="yaml" in imported)


def imported_by(node: ast.AST) -> list[str]:
    """First parts of the modules' names."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) else []


def faults_of_call(node: ast.Call, *, has_pyyaml: bool) -> Iterator[str]:
    name = ast.unparse(node.func)
    arguments = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    if name in NEVER:
        yield name
    if isinstance(node.func, ast.Attribute) and node.func.attr in NEVER_METHODS:
        yield node.func.attr
    if name in ("yaml.load", "yaml.load_all") and has_pyyaml and "SafeLoader" not in ast.unparse(node):
        yield name
    if name.endswith("YAML") and "typ" in arguments:  # ruamel's default builds plain data only
        yield "YAML(typ=…)"
    for key, value in arguments.items():
        if isinstance(value, ast.Constant) and (key, value.value) in NEVER_ARGUMENTS:
            yield f"{key}={value.value!r}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_that_is_read_can_run(path: Path) -> None:
    assert set(faults_in(path.read_text(encoding="utf-8"))) - ALLOWED.get(path, set()) == set()


@pytest.mark.parametrize("path", ALLOWED, ids=lambda path: path.name)
def test_every_exception_to_the_rule_is_needed(path: Path) -> None:
    assert set(faults_in(path.read_text(encoding="utf-8"))) == ALLOWED[path]


def test_models_and_tokenizers_are_loaded_without_their_own_code_and_without_pickles() -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(LOADER.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".from_pretrained")
    ]
    said = {
        ast.unparse(call.func): {item.arg: ast.unparse(item.value) for item in call.keywords if item.arg}
        for call in calls
    }
    assert said.keys() == {"AutoModelForCausalLM.from_pretrained", "AutoTokenizer.from_pretrained"}
    assert all(arguments["trust_remote_code"] == "False" for arguments in said.values())
    assert said["AutoModelForCausalLM.from_pretrained"]["use_safetensors"] == "True"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "pickle"),
        ("from joblib import load", "joblib"),
        ("import yaml\nyaml.load(text)", "yaml.load"),
        ("import yaml\nyaml.load(text, Loader=yaml.Loader)", "yaml.load"),
        ("import yaml\nyaml.unsafe_load(text)", "unsafe_load"),
        ("from ruamel.yaml import YAML\nYAML(typ='unsafe')", "YAML(typ=…)"),
        ("import torch\ntorch.load(path)", "torch.load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle=True"),
        ("load(path, trust_remote_code=True)", "trust_remote_code=True"),
        ("subprocess.run(text, shell=True)", "shell=True"),
        ("eval(text)", "eval"),
    ],
)
def test_the_rule_catches_what_runs_what_it_reads(source: str, fault: str) -> None:
    assert list(faults_in(source)) == [fault]


@pytest.mark.parametrize(
    "source",
    ["import yaml\nyaml.load(file, Loader=yaml.CSafeLoader)", "yaml = YAML()\nyaml.load(text)", "model.eval()"],
)
def test_the_rule_lets_safe_readers_pass(source: str) -> None:
    assert list(faults_in(source)) == []
