"""What has to be true after a soak, each as a list of what is wrong: artifacts, experiments, records, processes.

Knows where a run's result and its traces lie: git's experiment, DVC's cache, Prefect, MLflow. Reads only.

Example::

    check_artifacts(home.folder, ["soak-01"])       # [] when every file of every experiment has its md5
"""

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.soak_home import ENDED, Home
from infra.services.state import read_state

Outs = Mapping[str, str]
"""Path of every file that the stages made -> md5."""
_PAGE = 200
_VARIES = ("ledger/", "reports/report.html", "metrics/train.json", "models/train/steps.jsonl", "models/train/manifest")
"""Files that hold seconds, which no two runs share."""


def name_experiment(home: Path, name: str, flow_run_id: str) -> str:
    """The experiment of a run: its name, followed by the run's id where it was saved more than once."""
    longer = f"{name}-{flow_run_id[:4]}"
    return name if read_experiment(home, longer) is None else longer


def read_experiment(home: Path, name: str) -> dict[str, Any] | None:
    """The ``dvc.lock`` of an experiment; None when the checkout has no such experiment."""
    refs = _git(home, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    found = [ref for ref in refs if ref.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        return None
    lock: dict[str, Any] = yaml.safe_load(_git(home, "show", f"{found[0]}:dvc.lock"))
    return lock


def files_of(lock: Mapping[str, Any], cache_folder: Path) -> Outs:
    """Every file that a ``dvc.lock`` names, also those in folders.

    Raises:
        OSError: a folder's listing is missing in the cache.
    """
    found: dict[str, str] = {}
    for stage in lock["stages"].values():
        for out in stage["outs"]:
            if out["md5"].endswith(".dir"):
                listing = json.loads(cache_path(cache_folder, out["md5"]).read_bytes())
                found |= {f"{out['path']}/{item['relpath']}": item["md5"] for item in listing}
            else:
                found[out["path"]] = out["md5"]
    return found


def cache_path(cache_folder: Path, digest: str) -> Path:
    """Where DVC keeps the file or listing of a digest."""
    return cache_folder / "files/md5" / digest[:2] / digest[2:]


@cache
def _md5(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except FileNotFoundError:
        return None


def check_artifacts(home: Path, names: Sequence[str], *, stages: Sequence[str]) -> list[str]:
    """Every stage's outputs are named by the experiment, and every file has the content that its name promises."""
    wrong = []
    for name in names:
        lock = read_experiment(home, name)
        if lock is None:
            wrong.append(f"{name}: no experiment of this name")
            continue
        if missing := [stage for stage in stages if stage not in lock["stages"]]:
            wrong.append(f"{name}: dvc.lock lacks {', '.join(missing)}")
        digests = {out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
        try:
            digests |= set(files_of(lock, home / ".dvc/cache").values())
        except (OSError, json.JSONDecodeError) as error:
            wrong.append(f"{name}: a folder's listing cannot be read: {error}")
        for digest in sorted(digests):
            actual = _md5(cache_path(home / ".dvc/cache", digest))
            if actual != digest.removesuffix(".dir"):
                wrong.append(f"{name}: {digest} in the cache is {actual or 'missing'}")
    return wrong


def check_metrics(home: Home, names: Sequence[str], *, stages: Sequence[str]) -> list[str]:
    """``dvc exp show`` has every experiment with the metrics of every stage."""
    done = home.run("-m", "dvc", "exp", "show", "--json")
    rows = [row["revs"][0] for base in json.loads(_json_part(done.stdout)) for row in base.get("experiments") or []]
    found = {row["name"]: (row.get("data") or {}).get("metrics") or {} for row in rows}
    wrong = []
    for name in names:
        metrics = found.get(name, {})
        missing = [stage for stage in stages if not metrics.get(f"metrics/{stage}.json", {}).get("data")]
        if missing:
            wrong.append(f"{name}: `dvc exp show` lacks the metrics of {', '.join(missing)}")
    return wrong


def _json_part(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("[")), "[]")


def check_records(home: Path, names: Sequence[str]) -> list[str]:
    """Every question is accounted for, by the rows that stand in the files themselves."""
    wrong = []
    for name in names:
        lock = read_experiment(home, name)
        files = files_of(lock, home / ".dvc/cache") if lock is not None else {}
        count = {path: _count_lines(home, digest) for path, digest in files.items() if path.endswith(".jsonl")}
        metrics = {path: _read_json(home, digest) for path, digest in files.items() if path.startswith("metrics/")}
        hard = metrics["metrics/attempt.json"]["num_questions"] - metrics["metrics/attempt.json"]["num_too_easy"]
        settings = metrics["metrics/generate.json"]
        asked = sum(one["num_generations"] for model in settings.values() for one in model.values())
        for left, right, value in (
            ("data/collect/questions.jsonl", "data/curate/decisions.jsonl", None),
            ("data/curate/questions.jsonl", "data/select/decisions.jsonl", None),
            ("data/distill/traces.jsonl", "hard questions", hard),
            ("data/classify/domains.jsonl", "hard questions", hard),
            ("data/generate/generations.jsonl", "questions decoded, over all settings", asked),
            ("data/score/scores.jsonl", "data/generate/generations.jsonl", None),
        ):
            wanted = count[right] if value is None else value
            if count[left] != wanted or wanted == 0:
                wrong.append(f"{name}: {count[left]} rows in {left}, {wanted} {right}")
    return wrong


def _count_lines(home: Path, digest: str) -> int:
    return cache_path(home / ".dvc/cache", digest).read_bytes().count(b"\n")


def _read_json(home: Path, digest: str) -> Any:
    return json.loads(cache_path(home / ".dvc/cache", digest).read_bytes())


def compare(ones: Outs, others: Outs) -> list[str]:
    """Files whose content differs between two runs of the same parameters, those that hold seconds aside."""
    names = sorted({*ones, *others})
    return [name for name in names if ones.get(name) != others.get(name) and not name.startswith(_VARIES)]


def check_prefect(home: Home, runs: Mapping[str, str], *, stages: Sequence[str]) -> list[str]:
    """Every run is Completed with all its stages, and nothing in Prefect's history is still open.

    Args:
        runs: name -> flow run id.
    """
    wrong = []
    for run in _pages(home, "/flow_runs/filter", {}):
        if run["state"]["type"] not in ENDED:
            wrong.append(f"flow run {run['name']} says {run['state']['type']}")
    for task in _pages(home, "/task_runs/filter", {}):
        if task["state"]["type"] not in ENDED:
            wrong.append(f"task run {task['name']} says {task['state']['type']}")
    for name, run_id in runs.items():
        if (state := home.state_of(run_id)) != "COMPLETED":
            wrong.append(f"{name} is {state}")
        wanted = {"flow_runs": {"id": {"any_": [run_id]}}}
        done = {task["name"] for task in _pages(home, "/task_runs/filter", wanted) if _is_completed(task)}
        if missing := [stage for stage in stages if f"dvc repro {stage}" not in done]:
            wrong.append(f"{name}: no completed task for {', '.join(missing)}")
    return wrong


def completed_children(home: Home, run_id: str) -> set[str]:
    """Stages that ran to a good end as children of a run, in one of its tries."""
    wanted = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
    return {run["name"] for run in _pages(home, "/flow_runs/filter", wanted) if _is_completed(run)}


def _is_completed(run: Mapping[str, Any]) -> bool:
    return bool(run["state"]["type"] == "COMPLETED")


def _pages(home: Home, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(page := home.prefect("POST", path, {**query, "limit": _PAGE, "offset": len(found)})) == _PAGE:
        found.extend(page)
    return [*found, *page]


def check_mlflow(
    home: Home, runs: Mapping[str, str], experiments: Mapping[str, str], *, stages: Sequence[str]
) -> list[str]:
    """Every run has one finished record with a finished one per stage, whose stage ran or was reused; none is open.

    Args:
        runs: name -> flow run id.
        experiments: name -> name of the DVC experiment.
    """
    records = _read_mlflow(home)
    wrong = [f"{one['name']} is still RUNNING in MLflow" for one in records if one["status"] == "RUNNING"]
    for name, run_id in runs.items():
        tries = [one for one in records if one["flow"] == run_id and one["parent"] is None]
        finished = [one for one in tries if one["status"] == "FINISHED"]
        if len(finished) != 1:
            wrong.append(f"{name}: {dict(Counter(one['status'] for one in tries))} in MLflow, wanted one FINISHED")
            continue
        nested = {one["name"]: one for one in records if one["parent"] == finished[0]["id"]}
        whole = {stage for stage, one in nested.items() if one["status"] == "FINISHED" and one["num_metrics"] > 0}
        if missing := [stage for stage in stages if stage not in whole]:
            wrong.append(f"{name}: MLflow lacks figures of {', '.join(missing)}")
        ran = completed_children(home, run_id)
        for stage in whole:
            if stage not in ran and nested[stage]["reused"] != "true":
                wrong.append(f"{name}: {stage} neither ran nor was reused")
        if finished[0]["experiment"] != experiments[name]:
            wrong.append(f"{name}: MLflow's tag dvc.experiment is {finished[0]['experiment']}")
    return wrong


def _read_mlflow(home: Home) -> list[dict[str, Any]]:
    experiment = home.mlflow("GET", "/experiments/get-by-name?experiment_name=s1")["experiment"]["experiment_id"]
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        query = {"experiment_ids": [experiment], "max_results": 1000, "page_token": token}
        page = home.mlflow("POST", "/runs/search", query)
        for run in page.get("runs", []):
            tags = {item["key"]: item["value"] for item in run["data"].get("tags", [])}
            found.append(
                {
                    "id": run["info"]["run_id"],
                    "name": run["info"]["run_name"],
                    "status": run["info"]["status"],
                    "num_metrics": len(run["data"].get("metrics", [])),
                    "parent": tags.get("mlflow.parentRunId"),
                    "flow": tags.get("prefect.flow_run_id"),
                    "experiment": tags.get("dvc.experiment"),
                    "reused": tags.get("reused"),
                }
            )
        token = page.get("next_page_token", "")
        if not token:
            return found


def check_processes(home: Home) -> list[str]:
    """Nothing lives but the keeper and its three services."""
    state = read_state(home.folder)
    dead = (
        [] if state is None else [one.name for one in state.services if one.process is None or not one.process.find()]
    )
    return [f"{name} does not run" for name in dead] + [f"left over: {line}" for line in home.extra_processes()]


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout
