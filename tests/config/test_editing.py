"""Values change in the text of a params file; comments and layout stay."""

import copy
from typing import Any

import pytest
import yaml

from s1.config.editing import change_params, set_dotted

TEXT = """# the recipe
train:
  learning_rate: 0.0006  # tuned on dev
  betas: [0.9, 0.95]
collect:
  sources:
    - {kind: procedural, num: 10}
weights: {contest: 1.0}
model: {kind: nano, num_layers: 2}
seed: 0
"""


def changed(*path: str, to: Any = None, drop: str | None = None) -> str:
    """The text with the value at a path replaced, or a key below it dropped."""
    before = yaml.safe_load(TEXT)
    after = copy.deepcopy(before)
    node = after
    for key in path if drop is not None else path[:-1]:
        node = node[key]
    if drop is not None:
        del node[drop]
    else:
        node[path[-1]] = to
    text = change_params(TEXT, before, after)
    assert yaml.safe_load(text) == after
    return text


def test_only_the_changed_value_changes() -> None:
    after = changed("train", "learning_rate", to=1e-05)
    before = TEXT.replace("0.0006  #", "1.0e-05 #")
    assert [line.split() for line in after.splitlines()] == [line.split() for line in before.splitlines()]


def test_without_a_change_the_text_stays_as_it_is() -> None:
    assert changed("seed", to=0) == TEXT
    assert changed("train", "betas", to=[0.9, 0.95]) == TEXT


def test_lists_are_replaced_whole() -> None:
    after = changed("collect", "sources", to=[{"kind": "jsonl", "path": "q.jsonl"}])
    assert "procedural" not in after
    assert "# tuned on dev" in after


def test_what_is_emptied_or_dropped_is_gone() -> None:
    assert "contest" not in changed("weights", to={})
    assert "contest" not in changed("weights", drop="contest")
    assert "num_layers" not in changed("model", to={"kind": "hub", "repo": "a/b"})


def test_keys_that_the_text_leaves_to_their_defaults_are_written_when_they_change() -> None:
    before = {**yaml.safe_load(TEXT), "scope": "hard"}
    assert change_params(TEXT, before, before) == TEXT
    assert yaml.safe_load(change_params(TEXT, before, {**before, "scope": "all"}))["scope"] == "all"


def test_true_is_not_one() -> None:
    assert changed("seed", to=False) != TEXT


def test_a_dotted_key_reaches_into_lists_and_refuses_what_is_not_there() -> None:
    data = {"collect": {"sources": [{"num": 10}]}}
    set_dotted(data, "collect.sources.0.num", 3)
    assert data == {"collect": {"sources": [{"num": 3}]}}
    with pytest.raises(ValueError, match=r"no key 'collect\.sauces'"):
        set_dotted(data, "collect.sauces", 3)
