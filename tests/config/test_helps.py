"""Every key of ``params.yaml`` has a help, whoever adds it."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from s1.config import Params, Section
from s1.config.helps import field_helps


def sections_below(annotation: Any) -> Iterator[type[Section]]:
    """The section classes that an annotation leads to, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
        for field in annotation.model_fields.values():
            yield from sections_below(field.annotation)
    for argument in get_args(annotation):
        yield from sections_below(argument)


SECTIONS = sorted(set(sections_below(Params)) - {Params}, key=lambda section: section.__name__)


def test_the_kinds_below_the_sections_are_found_too() -> None:
    assert {"HubModel", "JsonlSource", "LocalEngine", "TrainParams"} <= {section.__name__ for section in SECTIONS}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_has_a_help_of_one_or_two_sentences(section: type[Section]) -> None:
    helps = field_helps()[section.__name__]
    assert helps.keys() == section.model_fields.keys()
    odd = [key for key, text in helps.items() if not text.endswith(".") or not 10 < len(text) < 250]
    assert odd == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_section_says_what_it_is(section: type[Section]) -> None:
    assert section.__doc__ is not None
    assert section.__doc__ != Section.__doc__


def test_the_seed_has_a_help_and_sections_have_their_class() -> None:
    assert field_helps()["Params"].keys() == {"seed"}
