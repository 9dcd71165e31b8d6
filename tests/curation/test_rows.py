"""Lines of collected questions, unread."""

import json

import pytest

from s1.curation.rows import id_of, part_of, source_of
from s1.records import Question
from tests.curation.texts import ask

HARD = ask('He said: ","source":"fake" \\ ünd', source='a "quoted" näme', solution='{"id":"0"}', source_of="x")
PLAIN = ask("What is 2 + 2?", source="näme")


@pytest.mark.parametrize("question", [HARD, PLAIN], ids=["hard", "plain"])
def test_id_and_source_are_those_that_reading_gives(question: Question) -> None:
    turned_round = dict(list(question.model_dump().items())[::-1])
    for line in (question.model_dump_json(), json.dumps(question.model_dump()), json.dumps(turned_round)):
        assert (id_of(line.encode()), source_of(line.encode())) == (question.id, question.source)


@pytest.mark.parametrize("line", [b"", b"[1]", b"no JSON", b'{"id":7}', b'{"id":"no number"}'])
def test_what_is_no_question_belongs_to_the_first_part(line: bytes) -> None:
    assert part_of(line, num_parts=3) == 0
    assert source_of(line) == ""


def test_copies_belong_to_one_part_and_every_part_has_questions() -> None:
    texts = [f"question {number}" for number in range(40)]
    parts = [
        [part_of(ask(text, source=source).model_dump_json().encode(), num_parts=3) for text in texts]
        for source in ("book", "site")
    ]
    assert parts[0] == parts[1]
    assert set(parts[0]) == {0, 1, 2}
