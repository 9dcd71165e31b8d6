"""``params.yaml`` errors name the line and the key, and say what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from s1.config import ParamsError, load_params

NANO = Path(__file__).parents[2] / "profiles/nano.yaml"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes the nano profile with one text replaced."""

    def edit(old: str, new: str) -> Path:
        text = NANO.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the profile"
        path = tmp_path / "params.yaml"
        path.write_text(text.replace(old, new))
        return path

    return edit


def _line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), start=1) if text in line)


@pytest.mark.parametrize("profile", sorted(NANO.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_is_valid(profile: Path) -> None:
    assert load_params(profile).select.num_examples > 0


def test_an_unknown_key_is_named_with_its_line(edited: Callable[[str, str], Path]) -> None:
    path = edited("warmup_ratio:", "warmup_ration:")
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"line {_line_of(path, 'warmup_ration')}, train.warmup_ration: unknown key" in str(caught.value)
    assert "train.warmup_ratio: this key is missing" in str(caught.value)


def test_a_wrong_value_is_shown_with_its_line(edited: Callable[[str, str], Path]) -> None:
    path = edited("zero_stage: 2", "zero_stage: 7")
    with pytest.raises(ParamsError, match=rf"line {_line_of(path, 'zero_stage')}, train\.zero_stage: .*got 7"):
        load_params(path)


def test_an_error_inside_a_list_of_sources_names_the_item(edited: Callable[[str, str], Path]) -> None:
    path = edited("name: nano-dev, num: 400", "name: nano-dev, num: -1")
    with pytest.raises(ParamsError, match=rf"line {_line_of(path, 'nano-dev')}, collect\.benchmarks\.1\.num"):
        load_params(path)


def test_a_benchmark_that_nobody_collects_is_refused(edited: Callable[[str, str], Path]) -> None:
    path = edited("benchmarks: [nano-test]", "benchmarks: [aime24]")
    line = _line_of(path, "benchmarks: [aime24]")
    with pytest.raises(
        ParamsError, match=rf"line {line}: generate\.benchmarks names 'aime24', which is not in collect"
    ):
        load_params(path)


def test_broken_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 0\nbase: {small\n")
    with pytest.raises(ParamsError, match=r"line \d+: not valid YAML"):
        load_params(path)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="make profile"):
        load_params(tmp_path / "params.yaml")


def test_a_missing_key_below_a_choice_is_named_without_the_name_of_the_choice(
    edited: Callable[[str, str], Path],
) -> None:
    path = edited(
        "{kind: procedural, name: nano-dev, num: 400, seed: 2001, step_weights: [0, 1, 1, 1]}",
        "{kind: jsonl, name: nano-dev}",
    )
    with pytest.raises(ParamsError, match=r"collect\.benchmarks\.1\.path: this key is missing"):
        load_params(path)


def test_what_does_not_agree_is_told_without_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(NANO.read_text().replace("benchmarks: [nano-test]", "benchmarks: [nope]"))
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert "generate.benchmarks names 'nope'" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "Value error" not in str(caught.value)


@pytest.mark.parametrize(("content", "told"), [(b"\xff\xfe", "no text in UTF-8"), (b"  \n", "is empty")])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError, match=f"params.yaml .*{told}|params.yaml is empty"):
        load_params(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [("seed: 0", "seed: -1"), ("seed: 0", "seed: 4294967296"), ("learning_rate: 0.0006", "learning_rate: .inf")],
)
def test_numbers_that_would_break_a_late_stage_are_refused_early(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(NANO.read_text().replace(old, new, 1))
    with pytest.raises(ParamsError, match=new.split(":")[0]):
        load_params(path)


def test_votes_without_enough_parallel_samples_are_refused(edited: Callable[[str, str], Path]) -> None:
    with pytest.raises(ParamsError, match=r"need generate\.num_parallel to be 8 or more, it is 4"):
        load_params(edited("vote_counts: [2, 4]", "vote_counts: [2, 8]"))


def test_votes_that_repeat_are_refused(edited: Callable[[str, str], Path]) -> None:
    with pytest.raises(ParamsError, match=r"vote_counts \[2, 2\] must rise and not repeat"):
        load_params(edited("vote_counts: [2, 4]", "vote_counts: [2, 2]"))


def test_prose_without_a_judge_is_refused_before_anything_is_decoded(edited: Callable[[str, str], Path]) -> None:
    prose = "- {kind: jsonl, name: essays, path: essays.jsonl, answer_kind: prose}"
    path = edited("  num_planted_overlaps", f"    {prose}\n  num_planted_overlaps")
    assert load_params(path).score.judge is None  # collected, but nothing is measured on it
    text = path.read_text().replace("benchmarks: [nano-test]", "benchmarks: [nano-test, essays]")
    path.write_text(text)
    with pytest.raises(ParamsError, match=r"names \['essays'\], .* only a judge can grade: name one in score\.judge"):
        load_params(path)
    path.write_text(text.replace("judge: null", "judge: {kind: openai, model: any}"))
    assert load_params(path).score.judge is not None


def test_the_name_of_a_setting_is_refused_with_its_line(edited: Callable[[str, str], Path]) -> None:
    path = edited("name: exact-128", "name: wait-3")
    with pytest.raises(
        ParamsError, match=rf"line {_line_of(path, 'wait-3')}, generate\.settings\.0\.name: .*choose ano"
    ):
        load_params(path)
