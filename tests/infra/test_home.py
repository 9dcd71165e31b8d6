"""Which checkout a workspace belongs to, and where paid responses lie."""

from pathlib import Path

from infra.settings import archive_folder, home_folder


def make_checkout(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dvc.yaml").touch()
    return folder


def test_a_checkout_is_its_own_home(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "project")
    assert home_folder(checkout, {}) == checkout
    assert archive_folder(checkout, {}) == checkout / ".s1/archive"


def test_workspaces_and_temporary_experiments_belong_to_the_checkout_around_them(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "project")
    for place in (".s1/workspaces/one", ".dvc/tmp/exps/standalone/tmpabc", ".s1/workspaces/one/.dvc/tmp/exps/tmpabc"):
        workspace = make_checkout(checkout / place)
        assert home_folder(workspace, {}) == checkout


def test_a_folder_that_is_only_called_like_ours_is_no_home(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / ".s1/project")
    assert home_folder(checkout, {}) == checkout
    assert home_folder(make_checkout(checkout / ".dvc/other"), {}) == checkout / ".dvc/other"


def test_the_environment_names_another_home_or_another_archive(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "project")
    environment = {"S1_HOME": str(tmp_path / "home"), "S1_ARCHIVE": ""}
    assert home_folder(checkout, environment) == tmp_path / "home"
    assert archive_folder(checkout, environment) == tmp_path / "home/.s1/archive"
    assert archive_folder(checkout, {**environment, "S1_ARCHIVE": "/srv/answers"}) == Path("/srv/answers")
