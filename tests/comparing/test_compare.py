"""``python -m flows.compare`` between folders, revisions and experiments of a real DVC repository, and its refusals."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.compare import main
from s1.artifacts import ArtifactWriter
from s1.comparing.identity import RunIdentity
from s1.nano.tokenizer import build_tokenizer
from s1.not_run import write_placeholders
from tasks.paths import GENERATIONS, RUN_IDENTITY, SCORES, TUNED_MODEL
from tests.comparing.runs import IDENTITY, make_generation, make_score, make_segment

OPTIONS = ("--resamples", "100")


def git(*arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def write_run(folder: Path, *, right: Sequence[str], last_token: int, identity: RunIdentity | None = IDENTITY) -> None:
    """A run of two questions; those in ``right`` are answered correctly."""
    generations = [make_generation(name, [make_segment([1, 2, last_token])]) for name in ("a", "b")]
    with ArtifactWriter(folder / GENERATIONS.parent) as artifact:
        artifact.write_jsonl(GENERATIONS.name, generations)
        if identity is not None:
            artifact.path(RUN_IDENTITY.name).write_text(identity.model_dump_json())
    with ArtifactWriter(folder / SCORES.parent) as artifact:
        artifact.write_jsonl(SCORES.name, [make_score(name, correct=name in right) for name in ("a", "b")])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a committed run, an experiment on top of it, and another run in the folder itself."""
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".gitignore").write_text("/.dvc/tmp\n/.dvc/cache\n")
    (folder / "dvc.yaml").write_text("stages: {}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        git("init", "-q")
        (folder / TUNED_MODEL).mkdir(parents=True)
        build_tokenizer().save_pretrained(TUNED_MODEL)
        for right, last_token in ((["a"], 3), (["a", "b"], 4)):
            write_run(folder, right=right, last_token=last_token)
            with Repo(str(folder)) as repo:
                repo.add([str(out) for out in (GENERATIONS.parent, SCORES.parent, TUNED_MODEL)])
            git("add", "-A")
            git("commit", "-q", "-m", "a run")
        baseline, experiment = git("rev-parse", "HEAD~1"), git("rev-parse", "HEAD")
        git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/wider", experiment)
        git("reset", "-q", "--soft", baseline)
        engine = IDENTITY.engine.model_copy(update={"dtype": "bfloat16"})
        write_run(folder, right=[], last_token=5, identity=IDENTITY.model_copy(update={"engine": engine}))
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


def test_a_revision_is_compared_with_an_experiment_by_its_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.is_dir()
    assert main(["HEAD", "wider", *OPTIONS]) == 0
    text = capsys.readouterr().out
    assert "first:  HEAD\nsecond: wider" in text
    assert next(line.split()[:4] for line in text.splitlines() if line.startswith("max-64")) == [
        "max-64",
        "50.0%",
        "100.0%",
        "+50.0",
    ]
    decode = build_tokenizer().decode
    assert f"first   samples {decode([3])!r} (token 3)" in text


def test_the_folder_itself_is_read_as_it_lies(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["HEAD", str(here), "--question", "b", *OPTIONS]) == 0
    assert "b tuned/max-64: token 3, in the thinking" in capsys.readouterr().out
    assert main(["HEAD", ".", *OPTIONS]) == 0
    assert "warning: engine.dtype is float32 in the first run and bfloat16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (("HEAD", "nowhere"), "'nowhere' is neither a folder with dvc.yaml nor a revision or experiment"),
        (("HEAD", "data"), "data is a folder without dvc.yaml"),
        (("HEAD", "wider", "--setting", "max-9"), "no point in common under max-9: HEAD has nano-test/max-64"),
        (("HEAD", "wider", "--question", "x"), "share no question 'x'"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_advice(
    here: Path, names: tuple[str, ...], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here.is_dir()
    assert main([*names, *OPTIONS]) == 1
    assert advice in capsys.readouterr().err


def test_a_run_whose_profile_leaves_the_scores_out_has_nothing_to_compare(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_placeholders(tmp_path / GENERATIONS.parent, [tmp_path / GENERATIONS, tmp_path / RUN_IDENTITY])
    write_placeholders(tmp_path / SCORES.parent, [tmp_path / SCORES])
    assert here.is_dir()
    assert main(["HEAD", str(tmp_path), *OPTIONS]) == 1
    assert "has no answers to compare: its profile leaves out generate and score" in capsys.readouterr().err


def test_a_revision_whose_outputs_the_cache_has_lost_says_how_to_get_them(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, away = here / ".dvc/cache", here / ".dvc/away"
    cache.rename(away)
    try:
        assert main(["HEAD", ".", *OPTIONS]) == 1
    finally:
        away.rename(cache)
    assert "`dvc fetch` brings it from a remote" in capsys.readouterr().err


def test_a_run_with_other_records_is_refused_by_name(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, right=[], last_token=3)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    scores = tmp_path / SCORES
    scores.write_text('{"old": 1}\n')
    (scores.parent / "manifest.json").unlink()
    assert main([str(tmp_path), str(here), *OPTIONS]) == 1
    error = capsys.readouterr().err
    assert f"the run {tmp_path} cannot be read: {scores}, line 1 is not a Score" in error
    assert "run it again with this version" in error
