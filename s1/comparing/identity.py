"""What decided a run's tokens, as a record: models, tokenizer, engine, prompt, settings, seed.

``data/generate/run.json`` holds it, so that two runs can be told apart later: the same recipe has been read as 56.7 and
as 70.0 under two versions of one engine, and as 26.7 and 33 under two degrees of tensor parallelism. ``differences``
says which of two runs' differences make their scores incomparable. Does not know how hashes are made
(``s1.comparing.hashing``) nor where the file lies.

Example::

    identity = read_run_identity(Path("data/generate/run.json"))
    identity.engine.version             # '0.11.0'
"""

from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from s1.artifacts import ArtifactError, remake_hint
from s1.records import Record


class ModelIdentity(Record):
    """One model, by its contents."""

    weights: str
    """Hash of all weight files' bytes."""
    config: str
    """Hash of what ``config.json`` says of the architecture."""
    tokenizer: str
    """Hash of the tokenizer as it is loaded; the chat template counts under ``prompt``."""
    prompt: str
    """Hash of a question rendered for decoding, with and without thinking, and of the delimiters."""
    prompt_text: str
    """That question as the model is asked, to be compared by eye."""


class EngineIdentity(Record):
    """What decoded, and how it was spread."""

    kind: str
    """``local`` or ``vllm``."""
    version: str
    """Of transformers, or of the vLLM server."""
    dtype: str
    batch_size: int | None = None
    """Sequences at once; None where the server decides."""
    num_servers: int = 0
    """Servers that serve the model."""
    tensor_parallel: int | None = 1
    """Devices that share each layer's arithmetic; None where somebody else started the servers."""
    arguments: tuple[str, ...] = ()
    """Further flags of the servers."""
    device: str = "unknown"


class RunIdentity(Record):
    """Everything that decides the tokens of ``data/generate``."""

    models: dict[str, ModelIdentity]
    """``tuned`` and ``base``."""
    engine: EngineIdentity
    """Of the tuned model."""
    other_engines: dict[str, EngineIdentity] = Field(default={})
    """Model -> its engine, for models that decoded on another, such as servers of their own."""
    earlier_engines: tuple[EngineIdentity, ...] = ()
    """Others that decoded a part of a model's answers, before the stage was stopped and went on elsewhere."""
    settings: dict[str, dict[str, JsonValue]]
    """``<model>/<setting>`` -> its forcing spec, and the sentence in its prompt where it has one."""
    benchmarks: dict[str, str]
    """Name -> hash of the questions and references."""
    temperature: float
    num_samples: int
    num_parallel: int = 0
    parallel_temperature: float | None = None
    """None: as the others."""
    seed: int
    packages: dict[str, str]
    """Versions of what computes: torch, transformers and the like."""

    def engine_of(self, model: str) -> EngineIdentity:
        """What a model decoded on."""
        return self.other_engines.get(model, self.engine)


def identity_tags(identity: RunIdentity) -> dict[str, str]:
    """What tells runs apart, as short tags: to be shown and searched beside a run's figures."""
    engine = identity.engine
    tags = {
        "run.engine": f"{engine.kind} {engine.version}",
        "run.dtype": engine.dtype,
        "run.tensor_parallel": "unknown" if engine.tensor_parallel is None else str(engine.tensor_parallel),
        "run.device": engine.device,
    }
    for name, model in identity.models.items():
        tags |= {f"run.{name}.weights": model.weights, f"run.{name}.prompt": model.prompt}
        tags[f"run.{name}.tokenizer"] = model.tokenizer
    return tags


def read_run_identity(path: Path) -> RunIdentity:
    """Read a ``run.json``.

    Raises:
        ArtifactError: it is missing or no such record; the message says what to do.
    """
    try:
        return RunIdentity.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path} is missing: the run was made before runs said what they were made with. Run `dvc repro generate`."
        ) from error
    except ValidationError as error:
        raise ArtifactError(
            f"{path} is no record of a run ({error.errors()[0]['msg']}). {remake_hint(path)}"
        ) from error
