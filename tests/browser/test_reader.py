"""The report's reader of transcripts works on a phone, by keyboard alone, without a network."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright brings the browser's driver")

from s1.report.page import render_page
from tests.browser.run_form import CHROMIUM, open_browser
from tests.report.sample import hostile_content, transcript

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]

WIDTH = 360


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The report on a small screen: Wait corrects the first question and spoils the second."""
    gained = transcript("first")
    before, after = transcript("second").runs
    lost = replace(transcript("second"), runs=(before, replace(after, flip="lost", verdict="wrong")))
    content = replace(hostile_content("a title"), transcripts=(gained, lost))
    path = tmp_path_factory.mktemp("reader") / "report.html"
    path.write_text(render_page(content), encoding="utf-8")
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": 740})
        page.goto(path.as_uri())
        yield page


def test_the_page_is_no_wider_than_the_phone(phone: Any) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH


def test_a_change_is_filtered_by_keyboard_alone(phone: Any) -> None:
    phone.get_by_role("combobox", name="Change").focus()
    for question in ("first", "second"):
        phone.keyboard.press("ArrowDown")
        assert phone.locator(".filters output").inner_text() == "1 of 2 questions"
        questions = phone.locator(".case:not([hidden]) .question").all_text_contents()
        assert questions == [question]
        assert phone.locator(".case:not([hidden]) .run:not([hidden])").count() == 1
    phone.keyboard.press("Home")
    assert phone.locator(".filters output").inner_text() == "2 of 2 questions"


def test_a_setting_is_filtered_and_its_text_unfolds(phone: Any) -> None:
    phone.get_by_role("combobox", name="Setting").select_option("tuned/wait-0")
    first = phone.locator(".case").first
    assert first.locator(".run:not([hidden])").get_attribute("data-setting") == "tuned/wait-0"
    assert first.locator(".run:not([hidden]) .text.thinking").is_visible()
    phone.get_by_role("combobox", name="Setting").select_option("")
    assert first.locator(".run:not([hidden])").count() == 2


def test_a_question_is_unfolded_by_keyboard_alone(phone: Any) -> None:
    summary = phone.locator(".case > summary").nth(1)
    summary.focus()
    phone.keyboard.press("Enter")
    assert phone.locator(".case").nth(1).locator(".question").is_visible()
