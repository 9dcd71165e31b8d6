"""Values change in the text of a params file; comments and layout stay."""

from typing import Any

import pytest
import yaml

from s1.config.editing import change_params, differences, set_dotted

TEXT = """# the recipe
train:
  learning_rate: 0.0006  # tuned on dev
  betas: [0.9, 0.95]
collect:
  sources:
    - {kind: procedural, num: 10}
seed: 0
"""


def test_only_the_changed_value_changes() -> None:
    after = change_params(TEXT, {"train": {"learning_rate": 1e-05}})
    before = TEXT.replace("0.0006  #", "1.0e-05 #")
    assert [line.split() for line in after.splitlines()] == [line.split() for line in before.splitlines()]
    assert yaml.safe_load(after)["train"]["learning_rate"] == 1e-05


def test_without_a_real_change_the_text_is_the_same_object_of_letters() -> None:
    assert change_params(TEXT, {"seed": 0, "train": {"betas": [0.9, 0.95]}}) == TEXT


def test_lists_are_replaced_whole() -> None:
    after = change_params(TEXT, {"collect": {"sources": [{"kind": "jsonl", "path": "q.jsonl"}]}})
    assert "jsonl" in after
    assert "procedural" not in after
    assert "# tuned on dev" in after


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {}),
        ({"a": 1.0, "b": {"c": 2, "d": 3}}, {}),
        ({"a": True, "b": {"c": 2, "d": 3}}, {"a": True}),
        ({"a": 1, "b": {"c": 2, "d": 4}}, {"b": {"d": 4}}),
        ({"a": 1, "b": {"c": 2, "d": 3}, "e": None}, {"e": None}),
    ],
)
def test_differences_name_changed_keys_only(after: dict[str, Any], expected: dict[str, Any]) -> None:
    assert differences({"a": 1, "b": {"c": 2, "d": 3}}, after) == expected


def test_a_dotted_key_reaches_into_lists_and_refuses_what_is_not_there() -> None:
    data = {"collect": {"sources": [{"num": 10}]}}
    set_dotted(data, "collect.sources.0.num", 3)
    assert data == {"collect": {"sources": [{"num": 3}]}}
    with pytest.raises(ValueError, match=r"no key 'collect\.sauces'"):
        set_dotted(data, "collect.sauces", 3)
