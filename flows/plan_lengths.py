"""Lengths that a plan starts from: a run's own examples, lists of numbers, published traces, or named stand-ins.

Example::

    load_lengths("data/tokenize/examples.parquet", tokenizer=None)      # {'3f2a…': 812, …}
    load_lengths("s1k-long", tokenizer=None)
"""

import gzip
import json
from pathlib import Path
from typing import Any

from s1.planning import PlanError
from s1.planning.lengths import STANDINS, check_lengths, read_lengths, standin
from s1.training.examples import read_examples
from tasks.paths import LARGE_MODEL
from tasks.planning import lengths_of

_FIELDS = ("question", "problem", "thinking", "reasoning", "answer_text", "answer", "solution")
"""Texts of a trace that are trained on, where a row has them."""


def load_lengths(source: str, *, tokenizer: Path | None) -> dict[str, int]:
    """Tokens of each example, by its id; rows without ids are numbered.

    Args:
        source: a file, told by its ending, or the name of a stand-in.
        tokenizer: ``tokenizer.json`` (or gzipped) that traces are counted with; None: the base model's.

    Raises:
        PlanError: the source cannot be used (names file and line).
        ArtifactError: damaged examples.
    """
    path = Path(source)
    if source in STANDINS:
        lengths = standin(source)
    elif path.suffix == ".parquet":
        if not path.exists():
            raise PlanError(
                f"{path} is missing: there are no examples yet. Run `dvc repro tokenize`, or name lengths with "
                f"--lengths: a file, or one of {', '.join(STANDINS)}"
            )
        return lengths_of(read_examples(path))
    elif path.name.endswith((".jsonl", ".jsonl.gz")):
        lengths = _count_traces(path, tokenizer or LARGE_MODEL / "tokenizer.json")
    else:
        lengths = read_lengths(path)
    return {f"{number:06d}": length for number, length in enumerate(lengths)}


def _count_traces(path: Path, tokenizer_file: Path) -> list[int]:
    from tokenizers import Tokenizer

    if not tokenizer_file.exists():
        raise PlanError(f"{tokenizer_file} is missing; name a tokenizer.json with --tokenizer")
    tokenizer = Tokenizer.from_str(_read(tokenizer_file))
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise PlanError(f"{path}, line {number} is not JSON: {error}") from error
    texts = ["\n".join(row[name] for name in _FIELDS if isinstance(row.get(name), str)) for row in rows]
    return check_lengths([len(item.ids) for item in tokenizer.encode_batch(texts)], name=str(path))


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except FileNotFoundError as error:
        raise PlanError(f"{path} is missing; name a file of lengths, or one of: {', '.join(STANDINS)}") from error
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} cannot be read: {error}") from error
