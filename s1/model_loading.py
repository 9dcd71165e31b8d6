"""Models and tokenizers out of model folders: weights from safetensors only, and never code that lies beside them.

Everything that loads a model passes through here (tested), because transformers would otherwise read pickles, which run
what they hold, and would ask on the terminal whether to run a folder's own Python files. Knows transformers; does not
know what a folder must hold (``s1.models``). Importing it imports no transformers: the functions do.

Example::

    folder = resolve_model(Path("models/base/large"))
    model, tokenizer = load_causal_model(folder, dtype=torch.float32), load_tokenizer(folder)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s1.models import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_REFUSED = "trust_remote_code"
"""In every message with which transformers refuses to run a folder's own code."""


def load_causal_model(folder: Path, *, dtype: Any, **options: Any) -> "PreTrainedModel":
    """Load a causal language model.

    Args:
        dtype: a torch type of numbers.
        options: passed on to transformers, such as where the model goes.

    Raises:
        ModelError: the model needs code of its own.
        OSError: there are no safetensors weights.
    """
    from transformers import AutoModelForCausalLM

    with _without_code(folder):
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True, **options
        )
    return model


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer.

    Raises:
        ModelError: the tokenizer needs code of its own.
        OSError: the folder holds none.
        ValueError: its files cannot be used.
    """
    from transformers import AutoTokenizer

    with _without_code(folder):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


@contextmanager
def _without_code(folder: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if _REFUSED not in str(error):
            raise
        raise ModelError(
            f"the model in {folder} comes with Python code of its own (auto_map in its JSON files), which is never run "
            "here. Choose a model of an architecture that transformers itself knows."
        ) from error
