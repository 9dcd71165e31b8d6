"""Training sequences on disk: one Parquet file, one row per example.

Example::

    write_examples(path, examples)
    read_examples(path)[0].num_targets
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from s1.artifacts import ArtifactError, check_file, remake_hint
from s1.records import Example


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples in order; ids as strings, tokens as 32-bit integers, the loss mask as bytes."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema(
        [
            ("question_id", pyarrow.string()),
            ("input_ids", pyarrow.list_(pyarrow.int32())),
            ("loss_mask", pyarrow.list_(pyarrow.int8())),
        ]
    )
    table = pyarrow.Table.from_pylist([example.model_dump() for example in examples], schema=schema)
    pyarrow.parquet.write_table(table, path)


def read_examples(path: Path) -> list[Example]:
    """Read all examples.

    Raises:
        ArtifactError: the file is missing, damaged, or a row is not a training example (names file and row).
    """
    import pyarrow
    import pyarrow.parquet

    check_file(path)
    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowException as error:
        raise ArtifactError(f"{path} is not a readable Parquet file: {error}. {remake_hint(path)}") from error
    return [_check(row, path=path, number=number) for number, row in enumerate(rows, start=1)]


def _check(row: object, *, path: Path, number: int) -> Example:
    where = f"{path}, row {number}"
    try:
        example = Example.model_validate(row)
    except ValidationError as error:
        raise ArtifactError(
            f"{where} is not a training example: {error.errors()[0]['msg']}. {remake_hint(path)}"
        ) from error
    if len(example.input_ids) != len(example.loss_mask) or set(example.loss_mask) - {0, 1}:
        raise ArtifactError(f"{where}: the loss mask does not fit its tokens. {remake_hint(path)}")
    if sum(example.loss_mask[1:]) == 0:
        raise ArtifactError(f"{where}: question {example.question_id} has no target token. {remake_hint(path)}")
    return example
