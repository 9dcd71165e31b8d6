"""Tables on where questions came from and went: read as they were counted, shown as text."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from s1.curation import QUALITY_REASONS
from s1.report.content import ReportContent
from s1.report.funnels import read_funnels
from s1.report.page import render_page
from s1.report.pool import FileCount, OtherSelection, PoolContent, Removals, SourceCount
from s1.report.pool_reading import read_pool
from s1.report.stage_reading import read_funnel, step_of_reason
from tests.report.sample import HOSTILE

COLLECT: dict[str, JsonValue] = {
    "files": [
        {"source": "math", "file": "$S1_DATA/math.jsonl", "read": 10, "kept": 9, "reasons": {"corrupt_json": 1}},
        {"source": "made", "file": "", "read": 5, "kept": 5, "reasons": {}},
    ],
    "sources": {"math": {"read": 10, "kept": 9, "refused": 1}},
}
CURATE: dict[str, JsonValue] = {
    "sources": {
        "made": {"kept": 5},
        "math": {"kept": 3, "duplicate": 2, "benchmark_copy": 1, "exact_benchmark": 1, "image": 1, "wrong_language": 1},
    },
    "benchmarks": {"math500": {"benchmark_copy": 1, "exact_benchmark": 1}},
}
SELECT: dict[str, JsonValue] = {
    "sources": {"math": {"num_selected": 2}},
    "reasons": {"diversity": 2, "not_drawn": 1},
    "others": {
        "random-3": {"num": 3, "num_without_trace": 1, "num_domains": 2, "mean_trace_length": None, "jaccard": 0.25}
    },
    "funnels": {
        "ours": {"collected": {"left": 14, "dropped": {}}, "hard": {"left": 4, "dropped": {"too_easy_both": 4}}},
        "paper": {
            "pool": {"left": 10, "dropped": {}},
            "complete": {"left": 8, "not_asked": 3, "dropped": {"ungraded": 2}},
        },
    },
}


def test_files_sources_benchmarks_and_other_selections_are_read_as_they_were_counted() -> None:
    assert read_pool(COLLECT, CURATE, SELECT) == PoolContent(
        files=(
            FileCount("math", "$S1_DATA/math.jsonl", 10, 9, (("corrupt_json", 1),)),
            FileCount("made", "", 5, 5, ()),
        ),
        sources=(
            SourceCount("made", None, None, 0, 0, 0, 5, None),
            SourceCount("math", 10, 1, 2, 2, 2, 3, 2),
        ),
        removals=(Removals("math500", (("benchmark_copy", 1), ("exact_benchmark", 1))),),
        others=(OtherSelection("random-3", 3, 1, 2, None, None, 0.25),),
    )
    assert read_pool(None, None, None) == PoolContent()


def test_a_file_entry_of_another_form_is_refused_with_its_key() -> None:
    with pytest.raises(ValueError, match="the figure 'files' holds 7, not an object"):
        read_pool({"files": [7]}, None, None)


def test_every_reason_of_the_quality_rules_belongs_to_their_step() -> None:
    assert {reason: step_of_reason(reason) for reason in QUALITY_REASONS} == dict.fromkeys(QUALITY_REASONS, "quality")


def test_the_funnel_is_the_ledgers_once_every_question_is_accounted_for() -> None:
    by_name = {step.name: step for step in read_funnel(CURATE, SELECT)}
    assert (by_name["hard"].count, by_name["hard"].reasons) == (4, (("too_easy_both", 4),))
    assert by_name["selected"].taken == (("diversity", 2),)


def page_of(pool: PoolContent) -> str:
    return render_page(ReportContent("t", (), pool=pool, funnels=tuple(read_funnels(SELECT))))


def test_the_page_shows_them_where_files_were_read_and_the_papers_order_with_what_was_not_asked() -> None:
    page = page_of(read_pool(COLLECT, CURATE, SELECT))
    assert "Every file that was read: 2, 1 rows refused" in page
    assert "<code>corrupt_json</code> 1" in page
    assert "In the paper&#39;s order" in page or "In the paper's order" in page
    assert "<code>ungraded</code> 2" in page
    assert '<td class="num">54,116</td>' in page
    assert "Taken out for benchmarks" in page
    assert "random-3" in page and "0.250" in page


def test_questions_of_a_program_come_from_no_file_so_nothing_is_shown_of_files() -> None:
    made = replace(read_pool(COLLECT, CURATE, SELECT), files=(FileCount("made", "", 5, 5, ()),))
    assert "Every file that was read" not in page_of(made)


def test_names_from_outside_stay_text() -> None:
    pool = PoolContent(
        files=(FileCount(HOSTILE, HOSTILE, 1, 0, ((HOSTILE, 1),)),),
        sources=(SourceCount(HOSTILE, 1, 1, 0, 0, 0, 0, None),),
        removals=(Removals(HOSTILE, ((HOSTILE, 1),)),),
        others=(OtherSelection(HOSTILE, 1, None, None, None, None, None),),
    )
    page = page_of(pool)
    assert "alert(&#39;1&#39;)" in page
    assert "<script>alert" not in page
