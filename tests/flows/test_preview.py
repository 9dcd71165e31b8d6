"""``python -m flows.preview``: the tokens that training gets, masked and trained apart."""

from pathlib import Path

import pytest

from flows.preview import main
from s1.chat import ChatFormat
from s1.nano.tokenizer import build_tokenizer
from s1.training.examples import write_examples
from tasks.paths import EXAMPLES, LARGE_MODEL
from tests.delimiters import S1_DELIMITERS


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(LARGE_MODEL)
    chat_format = ChatFormat.create(tokenizer, chat=S1_DELIMITERS)
    examples = [
        chat_format.render_example(question_id=name, question=f"2+2? {name}", thinking=thinking, answer="4")
        for name, thinking in (("aa11", "two"), ("ab22", "\x1b[2J" + "long " * 2000))
    ]
    EXAMPLES.parent.mkdir(parents=True)
    write_examples(EXAMPLES, examples)


def test_the_first_example_is_shown_with_what_is_trained_on_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Example 1 of 2, question aa11\n\n<|im_start|>user\n2+2? aa11<|im_end|>\n")
    assert "assistant\n[[<|im_start|>think\ntwo\n<|im_start|>answer\nAnswer: 4<|im_end|>\n]]" in shown
    assert "trained on (in [[double brackets]]: trained on; the rest is masked)" in shown


def test_counts_and_the_tokens_at_the_border_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    main(["aa"])
    shown = capsys.readouterr().out
    example_border = shown[shown.index("border at token ") :]
    assert "masked: " in example_border and ":'assistant'" in example_border
    assert "trained: " in example_border and ":'<|im_start|>'" in example_border
    last = shown[shown.index("last tokens: ") :]
    assert last.rstrip().endswith(":'\\n'") and ":'<|im_end|>'" in last


def test_colours_are_chosen_by_option(capsys: pytest.CaptureFixture[str]) -> None:
    main(["1", "--colour"])
    shown = capsys.readouterr().out
    assert "\x1b[2m<|im_start|>user" in shown
    assert "\x1b[1;32m<|im_start|>think\ntwo" in shown
    assert "[[" not in shown


def test_control_characters_of_collected_text_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["2", "--full"])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown
    assert shown.count("long") == 2000


def test_long_texts_are_shortened_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--longest"])
    shown = capsys.readouterr().out
    assert shown.startswith("Example 2 of 2, question ab22")
    assert "characters more (--full shows them)" in shown
    assert len(shown) < 6_000


@pytest.mark.parametrize(("name", "count"), [("a", "2"), ("zz", "none"), ("3", "none"), ("0", "none")])
def test_an_example_that_cannot_be_told_is_an_error_that_says_how(
    capsys: pytest.CaptureFixture[str], name: str, count: str
) -> None:
    assert main([name]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"preview: {count} of the 2 examples is called '{name}': give a number from 1 to 2")


def test_without_examples_it_says_how_to_make_them(capsys: pytest.CaptureFixture[str]) -> None:
    EXAMPLES.unlink()
    assert main([]) == 1
    assert "data/tokenize/examples.parquet is missing. Run `dvc repro`" in capsys.readouterr().err
