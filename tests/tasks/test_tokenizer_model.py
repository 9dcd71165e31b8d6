"""A tokenizer without a model: what the base stage makes of it, and who refuses it."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from s1.config import TokenizerModel
from s1.model_loading import load_tokenizer
from s1.models import ModelError, resolve_model
from s1.nano.tokenizer import build_tokenizer
from s1.tokenizer_files import copy_tokenizer
from s1.tokens import load_token_counter
from tasks.base import place_tokenizer

MODEL = TokenizerModel(kind="tokenizer", path="$S1_DATA/there")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A tokenizer as it is shared: ``tokenizer.json`` compressed."""
    folder = tmp_path / "origin"
    build_tokenizer().save_pretrained(folder)
    plain = folder / "tokenizer.json"
    (folder / "tokenizer.json.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    (folder / "README.md").write_text("not a tokenizer's file")
    return folder


def test_the_copy_counts_and_renders_as_the_tokenizer_does(origin: Path, tmp_path: Path) -> None:
    figures = place_tokenizer(origin, MODEL, tmp_path / "base" / "large")
    folder = tmp_path / "base" / "large"
    assert load_token_counter(folder)(["dial 7", ""]) == [len(build_tokenizer().encode("dial 7")), 0]
    assert load_tokenizer(folder).chat_template == build_tokenizer().chat_template
    content = gzip.decompress((origin / "tokenizer.json.gz").read_bytes())
    assert figures == {
        "kind": "tokenizer",
        "path": "$S1_DATA/there",
        "tokenizer_sha256": hashlib.sha256(content).hexdigest(),
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "chat_template.jinja",
        "source.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_plain_file_is_copied_as_it_is(tmp_path: Path) -> None:
    build_tokenizer().save_pretrained(tmp_path / "origin")
    source = copy_tokenizer(tmp_path / "origin", tmp_path / "copy", named="origin")
    assert (tmp_path / "copy/tokenizer.json").read_bytes() == (tmp_path / "origin/tokenizer.json").read_bytes()
    assert json.loads((tmp_path / "copy/source.json").read_text())["files"] == source.files


def test_who_needs_weights_is_told_that_there_are_none(origin: Path, tmp_path: Path) -> None:
    place_tokenizer(origin, MODEL, tmp_path / "large")
    with pytest.raises(ModelError, match=r"large is a tokenizer without a model \(\$S1_DATA/there\).*base.large"):
        resolve_model(tmp_path / "large")


def test_a_folder_without_a_tokenizer_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no tokenizer.json \(or tokenizer.json.gz\)"):
        copy_tokenizer(tmp_path, tmp_path / "copy", named="there")


@pytest.mark.parametrize(
    "content", [gzip.compress(b"{}" * 50_000)[:-9], b"no gzip at all"], ids=["cut short", "another format"]
)
def test_a_damaged_compressed_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json.gz").write_bytes(content)
    with pytest.raises(ModelError, match=r"tokenizer.json.gz is damaged .* Copy it again"):
        copy_tokenizer(tmp_path, tmp_path / "copy", named="there")


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(ModelError, match=r"tokenizer.json of there is not a tokenizer"):
        copy_tokenizer(tmp_path, tmp_path / "copy", named="there")
