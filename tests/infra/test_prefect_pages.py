"""Prefect's pages are served with a policy that keeps them to their own server."""

from pathlib import Path

from infra.prefect_pages import POLICY, confine_pages, pages_environment


def unpack(home: Path, version: str, text: str) -> Path:
    index = Path(pages_environment(home)["PREFECT_UI_STATIC_DIRECTORY"]) / version / "index.html"
    index.parent.mkdir(parents=True)
    index.write_text(text)
    return index


def test_every_index_gets_the_policy_before_anything_that_it_loads(tmp_path: Path) -> None:
    indexes = [
        unpack(tmp_path, version, "<!DOCTYPE html>\n<html>\n<head>\n<script src='a.js'></script></head></html>")
        for version in ("v1", "v2")
    ]
    assert confine_pages(tmp_path) == 2
    for index in indexes:
        policy = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        assert index.read_text() == f"<!DOCTYPE html>\n<html>\n{policy}\n<script src='a.js'></script></head></html>"


def test_once_is_enough(tmp_path: Path) -> None:
    index = unpack(tmp_path, "v1", "<head></head>")
    confine_pages(tmp_path)
    before = index.stat()
    assert confine_pages(tmp_path) == 1
    assert index.stat() == before


def test_pages_of_another_form_are_not_counted_as_confined(tmp_path: Path) -> None:
    unpack(tmp_path, "v3", "<HEAD lang=en></HEAD>")
    assert confine_pages(tmp_path) == 0
    assert confine_pages(tmp_path / "nothing") == 0
