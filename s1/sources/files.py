"""Files of rows -> questions: each row goes through an adapter, and each that is no question is a refusal.

Knows files and adapters; formats are ``s1.sources.formats``, what a row means is the adapter's.

Example::

    for item in read_files(["$S1_DATA/math/train.jsonl.gz"], ADAPTERS["math"], name="math", locate=files.path):
        isinstance(item, Question | Refusal)
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from s1.decisions import Refusal
from s1.records import HashedItem
from s1.sources.adapters import Adapter
from s1.sources.formats import BadRow, RawRow, read_raw
from s1.sources.result import Item, SourceError
from s1.sources.rows import BadRowError, required_text

Locate = Callable[[str], Path]
"""A path as params.yaml writes it -> the file, checked; raises ``SourceError``."""

_HASH_DIGITS = 32


def plain_path(path: str) -> Path:
    """The file of that name, unchecked, relative to the current folder."""
    return Path(path)


def read_files(paths: Iterable[str], adapter: Adapter, *, name: str, locate: Locate) -> Iterator[Item]:
    """Every row of the files, in order, as a question or a refusal.

    Raises:
        SourceError: a file is missing or cannot be opened.
    """
    for path in paths:
        yield from read_rows(_rows_of(path, adapter, name=name, locate=locate), adapter, name=name)


def read_rows(rows: Iterable[RawRow | BadRow], adapter: Adapter, *, name: str) -> Iterator[Item]:
    """Rows as questions of the source ``name``, or as refusals."""
    for row in rows:
        if isinstance(row, BadRow):
            yield Refusal(source=name, file=row.file, line=row.line, reason=row.reason, detail=row.detail)
            continue
        try:
            yield adapter.question_of(row, source=name)
        except BadRowError as bad:
            yield Refusal(source=name, file=row.file, line=row.line, reason=bad.reason, detail=bad.detail)


def _rows_of(path: str, adapter: Adapter, *, name: str, locate: Locate) -> Iterator[RawRow | BadRow]:
    try:
        yield from read_raw(locate(path), shown=path, layout=adapter.layout)
    except SourceError as error:
        raise SourceError(f"source {name!r}: {error}") from error


def read_hashes(path: str, *, name: str, locate: Locate) -> Iterator[HashedItem | Refusal]:
    """A benchmark's questions as hashes of their word n-grams.

    Raises:
        SourceError: the file is missing or cannot be opened.
    """
    try:
        for row in read_raw(locate(path), shown=path):
            try:
                yield _hashed_item(row, name=name)
            except BadRowError as bad:
                yield Refusal(source=name, file=row.file, line=row.line, reason=bad.reason, detail=bad.detail)
    except SourceError as error:
        raise SourceError(f"benchmark {name!r}: {error}") from error


def _hashed_item(row: RawRow | BadRow, *, name: str) -> HashedItem:
    if isinstance(row, BadRow):
        raise BadRowError(row.reason, row.detail)
    item_id = required_text(row.values, ("record_id",))
    words = row.values.get("n_words")
    if not isinstance(words, int):
        raise BadRowError("wrong_type", "field 'n_words' is no whole number")
    hashes = row.values.get("ngram8_sha256_128")
    if not isinstance(hashes, list):
        raise BadRowError("wrong_type", "field 'ngram8_sha256_128' is no list of hashes")
    texts = [entry for entry in hashes if isinstance(entry, str) and _is_hash(entry)]
    if len(texts) < len(hashes):
        raise BadRowError("wrong_type", f"{len(hashes) - len(texts)} entries are not {_HASH_DIGITS} hex digits")
    return HashedItem(benchmark=name, item_id=item_id, num_words=words, ngrams=texts)


def _is_hash(text: str) -> bool:
    return len(text) == _HASH_DIGITS and all(digit in "0123456789abcdef" for digit in text)
