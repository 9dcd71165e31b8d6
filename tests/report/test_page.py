"""The page is one self-contained file, and everything collected stays text on it."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

from s1.report.content import ReportContent
from s1.report.page import render_page, render_reader
from s1.report.published import published_results
from s1.report.results import BenchmarkResult, JudgeFigures
from tests.report.sample import HOSTILE, POINTS, RESULT, hostile_content, transcript

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Outline(HTMLParser):
    """Collects elements, attributes and text, and that elements close in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.forced: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if "mark" in self.open:
            self.forced.append(data)


def test_hostile_text_stays_text() -> None:
    page = render_page(hostile_content())
    outline = Outline(page)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 1
    assert "<b>bold" not in page
    assert not [name for _, attributes in outline.elements for name in attributes if name.startswith("on")]
    assert sum(HOSTILE in text for text in outline.text) >= 9


def test_the_only_script_that_may_run_is_the_pages_own() -> None:
    page = render_page(hostile_content())
    [script] = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_the_page_loads_nothing() -> None:
    page = render_page(hostile_content())
    for tag, attributes in Outline(page).elements:
        assert tag not in {"link", "img", "iframe", "object"}
        assert not {"src", "href", "xlink:href"} & attributes.keys()
    assert "url(" not in page
    assert "@import" not in page


def test_forced_tokens_are_marked_and_sampled_ones_are_not() -> None:
    forced = Outline(render_page(hostile_content())).forced
    assert forced == ["Marked text", "Wait", "<|im_start|>answer"]


def test_a_report_without_optional_figures_says_so_and_shows_no_zero() -> None:
    page = render_page(ReportContent("Empty", ()))
    for missing in ("funnel was not measured", "loss was not measured", "Costs were not measured", "No transcripts"):
        assert missing in page
    assert not re.findall(r">\s*\$?0(?:\.0+)?%?\s*<", page)


def test_costs_that_were_not_measured_are_called_so_beside_those_that_were() -> None:
    page = render_page(hostile_content())
    rows = re.findall(r'<tr><th scope="row">(base|train|total)</th>(.*?)</tr>', page)
    assert [name for name, _ in rows] == ["base", "train", "total"]
    assert rows[1][1].count("not measured") == 4
    assert "$0.0200" in rows[0][1] and "$0.0200" in rows[2][1]


def test_every_point_is_in_the_table() -> None:
    page = render_page(ReportContent("t", (RESULT,)))
    for cell in ("at most 16 tokens", "at most 192 tokens", "Wait × 0", "Wait × 2", "answers directly"):
        assert f"<td>{cell}</td>" in page


def test_a_chart_is_drawn_for_wide_and_for_narrow_screens() -> None:
    page = render_page(ReportContent("t", (RESULT,)))
    assert page.count('class="chart wide"') == page.count('class="chart narrow"') == 2
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_reader_alone_is_as_closed_as_the_page() -> None:
    reader = render_reader(hostile_content())
    outline = Outline(reader)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.elements) == 1
    assert "<b>bold" not in reader
    assert "default-src 'none'" in reader
    assert outline.forced == ["Marked text", "Wait", "<|im_start|>answer"]


def test_the_reader_offers_the_changes_and_settings_that_there_are() -> None:
    options = [
        attributes["value"]
        for tag, attributes in Outline(render_reader(hostile_content())).elements
        if tag == "option" and attributes["value"]
    ]
    assert options == ["gained", "alone", "tuned/wait-0", "tuned/wait-2"]


def test_a_run_says_what_its_change_compares_with() -> None:
    text = "".join(Outline(render_reader(hostile_content())).text)
    assert "against Wait × 0: wrong → right" in text
    assert text.count("against Wait × 0") == 1


def test_how_answers_ended_is_drawn_and_told() -> None:
    page = render_page(ReportContent("t", (RESULT,)))
    [row] = re.findall(r'<tr><th scope="row">at most 192 tokens</th><td class="bar">(.*?)</tr>', page)
    assert re.findall(r'class="end-(\w+)" style="width:([\d.]+)%"', row) == [
        ("answered", "98.00"), ("cut_at_length", "2.00"),
    ]  # fmt: skip
    assert "answered 98.0%, answer cut (answer limit) 2.0%" in row


def test_a_difference_shows_its_flips_its_test_and_what_would_settle_it() -> None:
    rows = re.findall(r"<tr><th scope=\"row\">[^<]*<span class=\"against\">.*?</tr>", render_page(hostile_content()))
    assert all(said in rows[0] for said in ("+180", "−20", "<td>better</td>", "&lt;0.001"))
    assert "1,234" in rows[1]


def test_each_point_is_priced_at_the_measured_dollars_per_decoded_token() -> None:
    page = render_page(hostile_content())
    assert "at $2.00 per million decoded tokens" in page
    [row] = re.findall(r'<tr><th scope="row">Wait × 2</th>(<td class="num">180.*?)</tr>', page)
    assert re.findall(r">([^<]+)</td>", row) == ["180.0", "$0.14", "$0.00051", "$0.00010"]


def test_without_a_measured_price_no_point_has_one() -> None:
    assert "What each point costs was not measured." in render_page(ReportContent("t", (RESULT,)))


def test_published_results_are_called_so_and_come_with_their_source() -> None:
    theirs = BenchmarkResult("aime24", POINTS, references=tuple(published_results("aime24")))
    text = " ".join(Outline(render_page(ReportContent("t", (theirs,)))).text)
    assert "Published results on aime24, not measured here" in text
    assert "arXiv 2501.19393, Table 1" in text
    assert "Published results" not in " ".join(Outline(render_page(ReportContent("t", (RESULT,)))).text)


def test_what_decoded_is_shown_where_it_was_recorded() -> None:
    assert "engine: kind" in render_page(hostile_content())
    assert "Comparable with" not in render_page(ReportContent("t", (RESULT,)))


def test_the_page_shows_six_questions_and_says_where_the_others_are() -> None:
    content = ReportContent("t", (RESULT,), transcripts=tuple(transcript(f"question {index}") for index in range(8)))
    page, reader = render_page(content), render_reader(content)
    assert (page.count('<details class="case"'), reader.count('<details class="case"')) == (6, 8)
    assert 'These are 6 of 8; all are in <a href="transcripts.html">' in page
    assert "These are" not in reader


def test_a_judges_opinions_are_shown_where_one_was_asked() -> None:
    counts = (("yes", 300), ("no", 2), ("unclear", 1)), (("yes", 3), ("no", 90), ("unclear", 0))
    judge = JudgeFigures(num_judged=396, agreement=0.987, table=(("right", counts[0]), ("wrong", counts[1])))
    page = render_page(ReportContent("t", (replace(RESULT, judge=judge),)))
    text = " ".join(Outline(page).text)
    assert "compared 396 answers with their references" in text
    assert "5 differ (same verdict: 98.7%)" in text
    assert "data/score/judge.jsonl" in text
    assert re.findall(r'<th scope="row">wrong</th>((?:<td class="num">\d+</td>)+)', page) == [
        '<td class="num">3</td><td class="num">90</td><td class="num">0</td>'
    ]
    assert "judge.jsonl" not in render_page(ReportContent("t", (RESULT,)))


def test_a_difference_says_what_its_questions_could_show() -> None:
    difference = replace(RESULT.differences[0], detectable_difference=0.028)
    page = render_page(ReportContent("t", (replace(RESULT, differences=(difference,)),)))
    assert '<span class="against">detects 2.8</span>' in page
