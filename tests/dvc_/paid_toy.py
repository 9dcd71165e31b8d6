"""One stage of the flow tests' toy as a git repository: it asks a paid teacher, who counts requests in a file."""

import subprocess
from pathlib import Path

import yaml

from tests.flows.toy import PIPELINE, create_toy, run_in

CALLS = "PAID_CALLS"
"""Environment variable: the file that counts requests, outside every workspace."""

COLLECT = """
import os
from pathlib import Path
from s1.artifacts import ArtifactWriter
from s1.config import CollectParams
from s1.records import Question, Trace, Usage
from s1.teacher.archive import Archive, ArchivedTeacher
from tasks.stage import Metrics, StageContext, map_shards

class PaidTeacher:
    name = "counting"
    is_paid = True
    identity = {"model": "counting-1"}

    def answer(self, text, *, question_id):
        with open(os.environ["PAID_CALLS"], "a") as file:
            file.write(text + "\\n")
        usage = Usage(prompt_tokens=1, thinking_tokens=1, answer_tokens=1)
        fields = {"question_id": question_id, "teacher": self.name, "usage": usage}
        return Trace(state="answered", thinking="", answer="1", **fields)

def run(stage: StageContext, *, collect: CollectParams, seed: int) -> Metrics:
    teacher = ArchivedTeacher(PaidTeacher(), Archive(stage.archive_folder))
    questions = [
        Question.create(question=f"question {number}", solution="", source="toy")
        for number in range(collect.num_planted_overlaps)
    ]
    ask = lambda shard: [teacher.answer(item.question, question_id=item.id) for item in shard]
    traces = map_shards(stage, "ask", questions, ask, kind=Trace, shard_size=4, key=f"k{len(questions)}")
    with ArtifactWriter(Path("data/collect")) as artifact:
        artifact.write_jsonl("traces.jsonl", traces)
    return {"num": len(traces), "seed": seed}
"""

_IGNORED = ["/.s1/", "/data/", "/metrics/", "/ledger/", "/mlruns/", "trail.txt", "__pycache__/"]


def create_paid_toy(folder: Path) -> Path:
    """The toy, committed, before its first run."""
    create_toy(folder)
    (folder / "tasks/collect.py").write_text(COLLECT)
    pipeline = {"stages": {"collect": PIPELINE["stages"]["collect"]}}
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".dvc/.gitignore").write_text("/tmp\n/cache\n/config.local\n")
    (folder / ".gitignore").write_text("\n".join(_IGNORED) + "\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in exactly this folder, as a made-up user."""
    user = ("-c", "user.name=Toy", "-c", "user.email=toy@example.org")
    done = subprocess.run(["git", "-C", folder, *user, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def commit(folder: Path) -> None:
    """Commit everything that is not ignored."""
    assert (folder / ".git").is_dir(), f"{folder} is no repository of its own"
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")


def dvc(folder: Path, *arguments: str, **environment: str) -> str:
    """Run DVC, which has to succeed, and return what it printed on its output stream."""
    identity = {"GIT_AUTHOR_NAME": "Toy", "GIT_AUTHOR_EMAIL": "toy@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "Toy", "GIT_COMMITTER_EMAIL": "toy@example.org"}
    done = run_in(folder, "-m", "dvc", *arguments, **identity, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
