"""Keys in the environment are written nowhere: not by runs that succeed, nor by those whose errors try to tell them."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.sending import post
from tests.flows.servers import wait_for
from tests.flows.test_deployed import ENDED, Home
from tests.flows.toy import environment, set_param

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KEY = "AIza-planted-8c1f0e"
SECRETS = {
    "GEMINI_API_KEY": KEY,
    "OPENAI_API_KEY": "sk-planted-51d2ab",
    "AWS_SECRET_ACCESS_KEY": "wJalr/planted+77aa",
    "HF_TOKEN": "hf_planted_93be4c",
    "S1_PASSWORD": "planted-horse-battery-2f6d",
}
USER = "ada"
TOLD = "no answer from https://example.org/v1?key="
"""What the toy's error says before its key: where this stands, the key would."""
LISTS = (
    "flow_runs",
    "task_runs",
    "flow_run_states",
    "logs",
    "artifacts",
    "deployments",
    "work_pools",
    "flows",
    "events",
)


def wanted_forms() -> dict[str, bytes]:
    """Every secret as it may stand in a file."""
    basic = base64.b64encode(f"{USER}:{SECRETS['S1_PASSWORD']}".encode())
    return {**{name: value.encode() for name, value in SECRETS.items()}, "basic authentication": basic.rstrip(b"=")}


def written_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and every object of every git repository in it as git shows it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()
        if path.name == ".git" and path.is_dir():
            listing = ["git", "cat-file", "--batch", "--batch-all-objects"]
            yield f"objects of {path.relative_to(folder)}", subprocess.check_output(listing, cwd=path.parent)


def places_of(wanted: bytes, written: dict[str, bytes]) -> list[str]:
    return [name for name, content in written.items() if wanted in content]


class Watched(Home):
    """A home whose whole world (caches, temporary files, the user's folder) lies in one folder, to be searched."""

    def answers(self) -> Iterator[tuple[str, bytes]]:
        """What both APIs tell."""
        with self.prefect as api, self.mlflow as mlflow:
            for name in LISTS:
                if name == "flow_run_states":
                    runs = post(api, "/flow_runs/filter", {"limit": 200})
                    for run in runs:
                        answer = api.get("/flow_run_states/", params={"flow_run_id": run["id"]})
                        yield f"states of {run['id']}", answer.raise_for_status().content
                else:
                    limit = {} if name == "events" else {"limit": 200}
                    yield name, api.post(f"/{name}/filter", json=limit).raise_for_status().content
            runs = mlflow.post("/api/2.0/mlflow/runs/search", json={"experiment_ids": ["1"], "max_results": 1000})
            yield "MLflow's runs", runs.raise_for_status().content

    def everything(self) -> dict[str, bytes]:
        found = dict(written_below(self.folder.parent))
        found.update(self.answers())
        for process in self.processes():
            found[f"command line of {process.pid}"] = " ".join(process.cmdline()).encode()
        return found

    def python(self, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        """A command of the user's in the checkout, with the same keys."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment(**{**self.extra, **extra}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    world = tmp_path_factory.mktemp("secrets")
    folder = world / "home"
    for name in ("user", "temporary"):
        (world / name).mkdir()
    places = {
        "TOY_HOME": str(folder),
        "HOME": str(world / "user"),
        "TMPDIR": str(world / "temporary"),
        "DVC_SITE_CACHE_DIR": str(world / "site"),
    }
    extra = {**places, **SECRETS, "S1_USER": USER}
    with Watched(folder, extra=extra, auth=(USER, SECRETS["S1_PASSWORD"])).up() as made:
        yield made


@pytest.fixture(scope="module")
def outputs(home: Watched) -> dict[str, Any]:
    """What runs of every kind and every end told; they leave what is searched."""
    states = {}
    for number, mode in enumerate(("", "leak", "vanish", "refuse")):
        home.set_mode(mode)
        run = home.start(f"run {mode or 'well'}", num_planted_overlaps=10 + number)
        states[mode] = home.wait_until_ended(run)
        wait_for(lambda run=run: set(home.children_of(run).values()) <= ENDED, 60)  # type: ignore[misc]
    home.set_mode("")
    set_param(home.folder, "collect", "num_planted_overlaps", 17)  # what no run has computed yet
    told = {
        "chain leak": home.python("-m", "flows.chain", TOY="leak"),
        "chain": home.python("-m", "flows.chain"),
        "repro leak": home.python("-m", "dvc", "repro", "--force", TOY="leak"),
        "repro": home.python("-m", "dvc", "repro", "--force"),
    }
    return {"states": states, "told": told}


def test_the_runs_that_leave_traces_ended_as_they_should(outputs: dict[str, Any]) -> None:
    assert outputs["states"] == {"": "COMPLETED", "leak": "FAILED", "vanish": "FAILED", "refuse": "FAILED"}
    codes = {name: done.returncode for name, done in outputs["told"].items()}
    assert codes.pop("repro leak") != 0
    assert codes == {"chain leak": 1, "chain": 0, "repro": 0}


def test_no_secret_is_written_anywhere(home: Watched, outputs: dict[str, Any]) -> None:
    written = home.everything()
    found = {name: places for name, form in wanted_forms().items() if (places := places_of(form, written))}
    assert found == {}
    # The search sees what it must: where the error that told the key is, and what lies compressed in git.
    told = places_of(f"{TOLD}***".encode(), written)
    assert {"logs", "flow_runs", "home/.s1/logs/collect.log"} <= set(told)
    assert any(name.startswith("home/.s1/prefect/prefect.db") for name in told)
    assert "objects of home/.git" in places_of(b"num_planted_overlaps: 10", written)


def test_what_the_terminal_shows_of_a_failed_run_holds_no_key(outputs: dict[str, Any]) -> None:
    chain = outputs["told"]["chain leak"]
    assert f"{TOLD}***" in chain.stdout
    assert "asking with ***" in chain.stdout
    assert KEY not in chain.stdout + chain.stderr
    repro = outputs["told"]["repro leak"]
    assert f"collect: RuntimeError: {TOLD}***" in repro.stderr
    assert KEY not in repro.stderr
