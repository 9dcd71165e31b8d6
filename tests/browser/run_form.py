"""Drives the run form of a deployment in Prefect 3.8's page (its second version, under ``/v2``) with a real browser.

A field is reached by its key, ``params.train.learning_rate``; list items by number, ``params.generate.budgets.0``.
The page has no names to hold on to, so a field is found by its title among those of its section: every key is a block
with a label and a ``fieldset``, and everything below the key lies in that ``fieldset``.

Example::

    with open_browser() as browser:
        page = browser.new_page()
        open_run_form(page, "http://127.0.0.1:4200", deployment_id)
        set_field(page, "params.train.learning_rate", 1e-5)
        flow_run_id = submit(page)
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Response, expect, sync_playwright

from flows.form_schema import title_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""The machine's browser; Playwright brings none of its own here."""
TIMEOUT_MS = 30_000
"""For a page that a busy machine draws slowly."""

_DEPTH = "e => { let depth = 0; while (e = e?.closest('fieldset')) { depth++; e = e.parentElement } return depth }"


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The machine's Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def open_run_form(page: Page, url: str, deployment_id: str) -> None:
    """Open the form and wait until its fields are there; ``url`` is the server's address without ``/api``."""
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{url}/v2/deployments/deployment/{deployment_id}/run")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled(timeout=TIMEOUT_MS)
    expect(find_field(page, "params")).to_be_visible(timeout=TIMEOUT_MS)


def find_field(page: Page, key: str) -> Locator:
    """The block of one key: label, help, control and errors; of a list item its control only."""
    block = page.locator("form")
    for part in key.split("."):
        if part.isdigit():
            block = _region(block).locator("xpath=./*/*[./*[@aria-label='Drag to reorder']]").nth(int(part))
        else:
            block = _label(_region(block), part).locator("xpath=ancestor::div[./fieldset][1]")
    return block


def _region(block: Locator) -> Locator:
    """Where a key's control lies: its ``fieldset``, or a list item (or the form) itself."""
    return block.locator("xpath=self::*[not(./fieldset)] | ./fieldset")


def _label(region: Locator, part: str) -> Locator:
    """The label of a key in a section; the keys of a kind lie one ``fieldset`` deeper than those of a plain section."""
    depth = int(region.evaluate(_DEPTH))
    title = title_of(part)
    named = f"(normalize-space()='{title}' or normalize-space()='{title} (Optional)')"
    level = "count(ancestor::fieldset)"
    return region.locator(f"xpath=.//label[{named}][{level}={depth} or {level}={depth + 1}]").first


def set_field(page: Page, key: str, value: Any) -> None:
    """Give a key a value: a number or text is typed, a choice chosen, a switch set, a mapping typed as JSON text."""
    control = _region(find_field(page, key))
    listbox, editor = control.locator("button[aria-haspopup=listbox]"), control.locator(".cm-content")
    if isinstance(value, bool):
        switch = control.get_by_role("switch")
        if switch.is_checked() != value:
            switch.click()
        expect(switch).to_be_checked(checked=value, timeout=30_000)  # the form draws itself anew first
    elif listbox.count():
        listbox.click()
        page.get_by_role("option", name=str(value), exact=True).click()
    elif editor.count():
        editor.press("ControlOrMeta+a")  # filling at once would leave the editor's own closing bracket behind
        editor.press("Delete")
        page.keyboard.insert_text(str(value))
    else:
        control.locator("input, textarea").fill(str(value))


def set_kind(page: Page, key: str, title: str) -> None:
    """Choose the kind of a model, source, …, such as 'Hub model'; its keys are then empty."""
    find_field(page, key).get_by_role("tab", name=title, exact=True).first.click()


def add_item(page: Page, key: str) -> None:
    """Add an empty item to a list."""
    _region(find_field(page, key)).get_by_role("button", name="Add item").last.click()


def remove_item(page: Page, key: str) -> None:
    """Remove one item of a list, by its key with its number."""
    find_field(page, key).locator("xpath=./button[@aria-haspopup='menu']").click()
    page.get_by_role("menuitem", name="Delete").click()


def field_errors(page: Page, key: str) -> list[str]:
    """What is wrong with a key after a refusal: the server's words, and the browser's for limits that it checks."""
    block = find_field(page, key)
    said = block.locator("xpath=./p[contains(@class, 'text-destructive')]").all_inner_texts()
    browser = _region(block).locator("xpath=./input").evaluate_all("all => all.map(e => e.validationMessage)")
    return [text for text in (*said, *browser) if text]


def press_submit(page: Page) -> None:
    """Press the button and give the page time to show what is wrong."""
    page.get_by_role("button", name="Submit").click()
    page.wait_for_timeout(1_000)
    page.wait_for_load_state("networkidle")


def submit(page: Page) -> str:
    """Send the form; return the id of the flow run that it made.

    Raises:
        AssertionError: the form is refused (shows what the page says).
    """
    refusals, button = page.locator("form .text-destructive"), page.get_by_role("button", name="Submit")
    if refusals.count():  # the press after a refusal only checks again
        button.click()
        expect(refusals).to_have_text([], timeout=TIMEOUT_MS)
    with page.expect_response(_is_creation, timeout=TIMEOUT_MS) as answer:
        button.click()
    assert answer.value.status == HTTPStatus.CREATED, answer.value.text()
    return str(answer.value.json()["id"])


def _is_creation(response: Response) -> bool:
    return response.url.endswith("/create_flow_run")
