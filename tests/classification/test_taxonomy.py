"""The table of domains."""

import re

from s1.classification.taxonomy import DOMAINS, UNKNOWN_DOMAIN

BEYOND_MSC = {"02", "21", "23", "24", "25", "27", "29", "36", "48", "50", "77", "87", "99"}


def test_there_are_61_domains_as_in_the_paper_of_which_48_are_of_the_msc() -> None:
    assert len(DOMAINS) == 61
    assert len(DOMAINS.keys() - BEYOND_MSC) == 48


def test_codes_have_two_digits_and_stand_in_order() -> None:
    assert all(re.fullmatch(r"\d\d", code) for code in DOMAINS)
    assert [*DOMAINS] == sorted(DOMAINS)
    assert all(code == domain.code for code, domain in DOMAINS.items())


def test_names_are_different_and_may_name_metrics() -> None:
    names = {domain.name for domain in DOMAINS.values()}
    assert len(names) == 61
    assert UNKNOWN_DOMAIN not in names
    # What MLflow allows in a metric's name.
    assert all(re.fullmatch(r"[A-Za-z0-9_\-. /:]+", name) for name in names)


def test_every_domain_says_what_belongs_to_it_in_one_line() -> None:
    assert all(20 < len(domain.description) < 160 and "\n" not in domain.description for domain in DOMAINS.values())
    assert DOMAINS["51"].name == "51 Geometry"
