"""What a model folder can take, held against tokenizer and parameters before anything that costs is started.

Reads the small files and the headers of the weights only, so it takes milliseconds and no memory, for 32B as for nano.
It refuses or is silent: no result depends on it. What a folder does not say is not judged. Importing it imports neither
torch nor transformers.

Example::

    check_vocabulary(resolve_model(LARGE_MODEL))
    check_context(params, {"small": SMALL_MODEL, "large": LARGE_MODEL})
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from s1.config import EngineParams, LoraParams, Params, RecordedEngine, VllmEngine
from s1.models import ModelError, weight_shapes

_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight")
"""How the weights of token embeddings end: Qwen, Llama, Mistral, Gemma; GPT-2; GPT-NeoX."""
_NOT_THE_MODELS = (
    "The tokenizer belongs to another model, or tokens were added to it without resize_token_embeddings: put the "
    "model's own tokenizer files there, or choose another model"
)


def check_vocabulary(folder: Path) -> None:
    """See that the tokenizer of a model folder knows no token that the model has no embedding for.

    Raises:
        ModelError: it does, or config.json and weights disagree.
    """
    stated = _config(folder).get("vocab_size")
    stored = next((shape[0] for name, shape in weight_shapes(folder).items() if name.endswith(_EMBEDDINGS)), None)
    if stated is not None and stored is not None and stated != stored:
        raise ModelError(
            f"{folder}: config.json says vocab_size {stated}, the weights have embeddings for {stored} tokens. One of "
            "the two files is another model's; fetch the model again"
        )
    size = stored if stored is not None else stated
    largest = max(_token_ids(folder), default=None)
    if size is not None and largest is not None and largest >= size:
        raise ModelError(
            f"{folder}: the tokenizer has ids up to {largest}, the model embeddings for {size} tokens (ids up to "
            f"{size - 1}). {_NOT_THE_MODELS}"
        )


def check_examples(folder: Path, *, largest_id: int, longest: int) -> None:
    """See that training examples are within a model's vocabulary and context.

    Args:
        largest_id: the largest token id in any example.
        longest: tokens of the longest example.

    Raises:
        ModelError: they are not.
    """
    size = _config(folder).get("vocab_size")
    if size is not None and largest_id >= size:
        raise ModelError(
            f"the training examples hold the token id {largest_id}, the model in {folder} has {size} tokens. "
            f"{_NOT_THE_MODELS}, and run the stage `tokenize` again"
        )
    context = context_of(folder)
    if context is not None and longest > context:
        raise ModelError(
            f"the longest training example has {longest} tokens, the model in {folder} a context of {context}: lower "
            f"tokenize.max_length to {context} (tokenize.over_length says what happens to longer ones), or choose a "
            "model with a longer context"
        )


def check_lora(lora: LoraParams, folder: Path) -> None:
    """See that the layers that LoRA shall stand beside exist.

    Raises:
        ModelError: one does not (lists those that do).
    """
    known = sorted({name.split(".")[-2] for name, shape in weight_shapes(folder).items() if _is_linear(name, shape)})
    check_targets(lora, known=known)


def check_targets(lora: LoraParams, *, known: list[str]) -> None:
    """See that ``target_modules`` names only layers of ``known``.

    Raises:
        ModelError: it names others.
    """
    unknown = [name for name in lora.target_modules if name not in known]
    if unknown:
        raise ModelError(
            f"train.lora.target_modules names {unknown}, which the model does not have; its linear layers are "
            f"{known} (none given: all of them)"
        )


def check_context(params: Params, folders: Mapping[str, Path]) -> None:
    """See that lengths and budgets fit the contexts of the base models.

    Only what can fit with no prompt at all is refused here; the stages know the prompts and look again.

    Args:
        folders: of the models ``small`` and ``large``; a folder without config.json is not judged.

    Raises:
        ModelError: names the parameter and the most that fits.
    """
    contexts = {name: context_of(folder) for name, folder in folders.items()}
    for name, context in contexts.items():
        if context is not None:
            _check_attempts(params, context, name=name)
    large = contexts.get("large")
    if large is None:
        return
    if params.tokenize.max_length > large:
        raise ModelError(
            f"tokenize.max_length is {params.tokenize.max_length}, the context of the model in base.large {large} "
            f"tokens: lower it to {large}, or choose a model with a longer context"
        )
    if not params.not_run.generate:
        _check_points(params, large)


def context_of(folder: Path) -> int | None:
    """Tokens that a model's positions reach, stretched ones (YaRN) included; None where config.json does not say."""
    return stated_context(_config(folder))


def stated_context(config: Mapping[str, Any]) -> int | None:
    """The same of the content of a ``config.json``."""
    plain = next((config[key] for key in ("max_position_embeddings", "n_positions") if config.get(key)), None)
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    original, factor = scaling.get("original_max_position_embeddings"), scaling.get("factor")
    stretched = int(original * factor) if original and factor else None
    return max((limit for limit in (plain, stretched) if limit is not None), default=None)


def _check_attempts(params: Params, context: int, *, name: str) -> None:
    if isinstance(params.attempt.engine, RecordedEngine):
        return
    limit = _limit(params.attempt.engine, context, key="attempt.engine", name=name)
    if params.attempt.max_new_tokens >= limit:
        raise ModelError(
            f"attempt.max_new_tokens is {params.attempt.max_new_tokens}, but base.{name} has {limit} tokens for prompt "
            "and answer together: no question would be attempted. Leave some hundred tokens for the prompt"
        )


def _check_points(params: Params, context: int) -> None:
    generate = params.generate
    limit = _limit(generate.engine, context, key="generate.engine", name="large")
    maxima: dict[str, int] = {"generate.budgets": max(generate.budgets)}
    if generate.max_thinking_tokens != "auto":
        maxima["generate.max_thinking_tokens"] = generate.max_thinking_tokens
    for point in generate.settings:
        if point.max_thinking_tokens is not None:
            maxima[f"generate.settings, {point.name}, max_thinking_tokens"] = point.max_thinking_tokens
    for key, thinking in maxima.items():
        if thinking + generate.max_answer_tokens >= limit:
            raise ModelError(
                f"{key} asks for {thinking} thinking tokens and generate.max_answer_tokens for "
                f"{generate.max_answer_tokens} more, but base.large has {limit} tokens for prompt, thinking and answer "
                "together: lower one of them, or set generate.max_thinking_tokens to auto"
            )


def _limit(engine: EngineParams, context: int, *, key: str, name: str) -> int:
    if not isinstance(engine, VllmEngine) or engine.max_context is None:
        return context
    if engine.max_context > context:
        raise ModelError(
            f"{key}.max_context is {engine.max_context}, the context of base.{name} {context} tokens: lower it, or "
            "leave it empty"
        )
    return engine.max_context


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON ({error}). Fetch the model again.") from error
    inner = content.get("text_config")  # of models that also see
    return {**content, **inner} if isinstance(inner, dict) else dict(content)


def _token_ids(folder: Path) -> Iterable[int]:
    """Ids of a tokenizer's tokens, added ones too; none where its files are of a kind that is not read here."""
    serialized, plain = folder / "tokenizer.json", folder / "vocab.json"
    if serialized.is_file():
        content = json.loads(serialized.read_text(encoding="utf-8"))
        vocabulary = content.get("model", {}).get("vocab", {})
        yield from vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
        yield from (token["id"] for token in content.get("added_tokens", []))
    elif plain.is_file():
        yield from json.loads(plain.read_text(encoding="utf-8")).values()
    settings = folder / "tokenizer_config.json"
    if settings.is_file():
        yield from map(int, json.loads(settings.read_text(encoding="utf-8")).get("added_tokens_decoder", {}))


def _is_linear(name: str, shape: list[int]) -> bool:
    """Whether a weight is a linear layer's inside one of the numbered blocks: neither embedding nor head."""
    *layer, last = name.split(".")
    return last == "weight" and len(shape) == 2 and any(part.isdigit() for part in layer)
