"""Counting tokens."""

from pathlib import Path

import pytest

from s1.nano.tokenizer import build_tokenizer
from s1.tokens import load_token_counter


def test_counts_are_those_of_the_model_folders_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    build_tokenizer().save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["", "Which dial turned k+3 shows l=4?", "try 0 k+3 3\nWait", "Ωmega <|im_end|> x"]
    expected = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    assert load_token_counter(tmp_path)(texts) == expected
    assert load_token_counter(tmp_path)([]) == []


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tokenizer that can be loaded"):
        load_token_counter(tmp_path)


def test_a_corrupt_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer"):
        load_token_counter(tmp_path)
