"""The run form in Prefect's page, in a real browser: filled, changed, refused, sent."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright brings the browser's driver")

from tests.browser.run_form import (
    CHROMIUM,
    field_errors,
    find_field,
    open_browser,
    open_run_form,
    press_submit,
    remove_item,
    set_field,
    set_kind,
    submit,
)
from tests.flows.form_server import NANO, FormServer
from tests.flows.sending import send

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(form_server: FormServer, browser: Any) -> Iterator[Any]:
    """The whole chain's form."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    open_run_form(page, form_server.url, form_server.deployments[None])
    yield page
    page.close()


def num_runs(form_server: FormServer) -> int:
    return int(send(form_server.api, "/flow_runs/count", {}).raise_for_status().json())


def test_every_field_is_drawn_with_its_title_help_and_value(page: Any) -> None:
    learning_rate = find_field(page, "params.train.learning_rate")
    assert learning_rate.locator("label").inner_text() == "Learning rate"
    assert learning_rate.locator("p").inner_text().startswith("Peak learning rate, after the warmup; ")
    assert learning_rate.locator("input").input_value() == "0.0006"
    assert find_field(page, "params.collect.sources.1.name").locator("textarea").input_value() == "contest"
    mapping = find_field(page, "params.select.weight_sources").locator(".cm-content")
    assert mapping.inner_text() == '{\n  "contest": 1\n}'
    shown = [(section, key) for section in NANO if section != "seed" for key in NANO[section]]
    empty = [key for section, key in shown if not has_control(page, section, key)]
    # What is empty, or one of several kinds and none of them, is drawn as a choice without a control of its own.
    assert empty == [key for section, key in shown if NANO[section][key] is None]


def has_control(page: Any, section: str, key: str) -> bool:
    block = find_field(page, f"params.{section}.{key}")
    controls = "input, textarea, button[role=switch], button[aria-haspopup=listbox], .cm-content"
    return block.locator(controls).or_(block.get_by_role("button", name="Add item")).count() > 0


def test_an_untouched_form_makes_a_run_of_the_profile(form_server: FormServer, page: Any) -> None:
    assert form_server.params_of(submit(page)) == NANO


def test_changed_values_make_a_run_with_them(form_server: FormServer, page: Any) -> None:
    set_field(page, "params.train.learning_rate", 0.0003)
    set_field(page, "params.train.zero_stage", 3)
    set_field(page, "params.curate.drop_images", False)
    set_field(page, "params.generate.budgets.4", 300)
    set_field(page, "params.select.weight_sources", '{"contest": 0.5, "exercises": 1}')
    set_kind(page, "params.base.small", "Hub model")
    set_field(page, "params.base.small.repo", "a/b")
    remove_item(page, "params.select.prepick_sources.0")
    params = form_server.params_of(submit(page))
    assert params == {
        **NANO,
        "train": {**NANO["train"], "learning_rate": 0.0003, "zero_stage": 3},
        "curate": {**NANO["curate"], "drop_images": False},
        "generate": {**NANO["generate"], "budgets": [16, 64, 96, 128, 300]},
        "base": {**NANO["base"], "small": {"kind": "hub", "repo": "a/b", "revision": "main"}},
        "select": {**NANO["select"], "weight_sources": {"contest": 0.5, "exercises": 1}, "prepick_sources": []},
    }


def test_bad_values_are_refused_beside_their_fields_and_mended_ones_go_through(
    form_server: FormServer, page: Any
) -> None:
    before = num_runs(form_server)
    set_field(page, "params.base.small.learning_rate", 0)
    set_field(page, "params.select.weight_sources", '{"contest": -1}')
    set_field(page, "params.collect.sources.1.name", "")
    press_submit(page)
    assert field_errors(page, "params.base.small.learning_rate") == ["0 is less than or equal to the minimum of 0"]
    assert field_errors(page, "params.base.small") == []
    assert "'contest' was unevaluated and invalid" in field_errors(page, "params.select.weight_sources")[0]
    assert field_errors(page, "params.collect.sources.1.name") == ["'name' is a required property"]
    assert num_runs(form_server) == before
    set_field(page, "params.base.small.learning_rate", 0.002)
    set_field(page, "params.select.weight_sources", '{"contest": 1}')
    set_field(page, "params.collect.sources.1.name", "contest")
    assert form_server.params_of(submit(page))["base"]["small"]["learning_rate"] == 0.002
    assert num_runs(form_server) == before + 1


def test_a_value_over_its_limit_is_refused_by_the_browser(form_server: FormServer, page: Any) -> None:
    before = num_runs(form_server)
    set_field(page, "params.train.warmup_ratio", 7)
    press_submit(page)
    assert field_errors(page, "params.train.warmup_ratio") == ["Value must be less than or equal to 1."]
    assert num_runs(form_server) == before


def test_a_limit_of_dollars_can_be_set(form_server: FormServer, page: Any) -> None:
    set_kind(page, "approve_above_usd", "float")
    set_field(page, "approve_above_usd", 2.5)
    run = form_server.api.get(f"/flow_runs/{submit(page)}").json()
    assert run["parameters"]["approve_above_usd"] == 2.5
