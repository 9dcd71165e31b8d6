"""A tokenizer's files without a model: copied into a model folder that counts and renders but cannot decode or train.

Knows which files make a tokenizer; ``tokenizer.json`` may be gzip-compressed. The copy stands by itself: it names where
it came from and the hash of every file, so what was counted can be traced whatever becomes of the origin.

Example::

    source = copy_tokenizer(Path("qwen2.5"), Path("models/base/large"), named="$S1_DATA/../tokenizer/qwen2.5")
    source.files["tokenizer.json"]      # '9c5ae00e…'
"""

import gzip
import hashlib
import zlib
from pathlib import Path

from s1.artifacts import write_text_atomically
from s1.models import SOURCE_FILE, ModelError, ModelSource

_NEEDED = "tokenizer.json"
_OTHERS = ("tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "added_tokens.json")
_COMPRESSED = ".gz"
_MAX_BYTES = 256 << 20
"""The largest tokenizers have 20 MB; a compressed file that holds more is none."""


def copy_tokenizer(origin: Path, target: Path, *, named: str) -> ModelSource:
    """Make ``target`` a folder with a tokenizer, and ``source.json`` that says so.

    Args:
        named: the origin as params.yaml writes it.

    Raises:
        ModelError: there is no tokenizer, a compressed file is damaged or far too large, or it cannot be read.
    """
    names = _find_files(origin)
    target.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in names:
        content = _read(origin / name)
        plain = name.removesuffix(_COMPRESSED)
        (target / plain).write_bytes(content)
        files[plain] = hashlib.sha256(content).hexdigest()
    _check(target / _NEEDED, origin=named)
    source = ModelSource(kind="tokenizer", path=named, weights={}, files=files)
    write_text_atomically(target / SOURCE_FILE, source.model_dump_json(indent=1) + "\n")
    return source


def _find_files(origin: Path) -> list[str]:
    serialized = [name for name in (_NEEDED, _NEEDED + _COMPRESSED) if (origin / name).is_file()]
    if not serialized:
        raise ModelError(
            f"{origin} holds no {_NEEDED} (or {_NEEDED}{_COMPRESSED}). Name a folder with a model's tokenizer files in "
            "base; `tokenizer.save_pretrained(folder)` of transformers writes them."
        )
    return [serialized[0], *(name for name in _OTHERS if (origin / name).is_file())]


def _read(path: Path) -> bytes:
    if path.suffix != _COMPRESSED:
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise ModelError(f"{path} is damaged ({error}). Copy it again.") from error
    if len(content) > _MAX_BYTES:
        raise ModelError(f"{path} holds more than {_MAX_BYTES >> 20} MB, which no tokenizer does. Copy it again.")
    return content


def _check(serialized: Path, *, origin: str) -> None:
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(serialized))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{serialized.name} of {origin} is not a tokenizer ({error}). Copy it again.") from error
