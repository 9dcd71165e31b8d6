"""Lengths of training sequences made of real reasoning traces (DeepSeek's, r1_pcmb), in Qwen2.5 tokens.

Knows the recorded file and how a trace becomes a training sequence; does not know what lengths are for.

Example::

    lengths = trace_lengths(Path(os.environ["S1_DATA"]), chat=load_params(Path("params.yaml")).chat)
"""

import gzip
import json
from pathlib import Path
from typing import Any

from s1.chat import ChatFormat
from s1.config import ChatParams

_TRACES = "r1_pcmb/pcmb_traces.jsonl.gz"


def trace_lengths(data: Path, *, chat: ChatParams, tokenizer_folder: Path | None = None) -> list[int]:
    """Tokens of every recorded trace as a training example: question with its options, thinking, answer.

    Args:
        data: folder of recordings.
        tokenizer_folder: holds ``tokenizer.json`` (gzipped or not) and ``tokenizer_config.json``; None: it is
            ``tokenizer/qwen2.5`` beside ``data``.

    Raises:
        ValueError: a file is missing.
    """
    folder = tokenizer_folder or data.parent / "tokenizer/qwen2.5"
    for file in (data / _TRACES, folder / "tokenizer_config.json"):
        if not file.is_file():
            raise ValueError(f"{file} is missing; let S1_DATA name a folder of recordings with a tokenizer beside it")
    chat_format = ChatFormat.create(load_tokenizer(folder), chat=chat)
    with gzip.open(data / _TRACES, "rt", encoding="utf-8") as lines:
        return [_length(json.loads(line), chat_format) for line in lines]


def _length(row: dict[str, Any], chat_format: ChatFormat) -> int:
    options = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCDEFGHIJ", row["options"], strict=False))
    example = chat_format.render_example(
        question_id=row["id"],
        question=f"{row['question']}\n{options}",
        thinking=row["reasoning"],
        answer=row["answer_text"],
    )
    return len(example.input_ids)


def load_tokenizer(folder: Path) -> Any:
    """A tokenizer whose ``tokenizer.json`` may be gzipped."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    packed = folder / "tokenizer.json.gz"
    plain = gzip.decompress(packed.read_bytes()) if packed.is_file() else (folder / "tokenizer.json").read_bytes()
    make: Any = PreTrainedTokenizerFast
    return make(
        tokenizer_object=Tokenizer.from_str(plain.decode()),
        eos_token=config["eos_token"],
        chat_template=config["chat_template"],
    )
