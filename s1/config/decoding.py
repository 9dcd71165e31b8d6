"""Parameters of decoding: engines, forcing settings, the paper's other controls of thinking, and section ``generate``.

Knows names, types, limits and meanings of the keys; ``s1.forcing`` and ``s1.engine`` do what they say.

Example::

    LocalEngine(kind="local", dtype="float32", batch_size=64)
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from s1.config.section import Count, Fraction, NonNegativeFloat, PositiveInt, Section
from s1.setting_names import CLASS_SHORT, check_own_name, setting_name

Dtype = Literal["float32", "bfloat16", "float64"]
DISTINCT = Field(json_schema_extra={"uniqueItems": True})
"""Shown to forms, which then refuse repeats; the sections check it themselves too."""


class LocalEngine(Section):
    """transformers in the stage's own process."""

    kind: Literal["local"]
    """On this machine, in the stage's own process (transformers, continuous batching)."""
    dtype: Dtype
    """Number format of weights and activations; the paper evaluates in float32."""
    batch_size: PositiveInt
    """Sequences decoded at once; finished ones are replaced. More is faster and takes more memory."""


class VllmEngine(Section):
    """vLLM servers, which the stage starts, or finds where ``S1_VLLM_URLS`` says."""

    kind: Literal["vllm"]
    """On vLLM servers: started for the stage, or those whose addresses the variable S1_VLLM_URLS lists."""
    dtype: Literal["float32", "bfloat16"]
    """Number format of weights and activations; the paper evaluates in float32."""
    max_context: PositiveInt | None = None
    """Longest prompt and answer together, in tokens; empty: what the model's configuration says."""


EngineParams = Annotated[LocalEngine | VllmEngine, Field(discriminator="kind")]


class RecordedFile(Section):
    """A file of recorded attempts."""

    adapter: str
    """Format of the file, such as mmlu-pro or theoremqa; docs/attempts.md lists them."""
    path: str
    """The file; ``$S1_DATA/...`` starts in the data folder."""
    model: str
    """Whose attempts they are, such as Llama-3.1-8B-Instruct; shown, not used."""


class RecordedEngine(Section):
    """Attempts that were recorded earlier, by whatever models."""

    kind: Literal["recorded"]
    """No model is run: recorded responses are graded, and questions without one count as not attempted."""
    small: Annotated[list[RecordedFile], Field(min_length=1)]
    """The smaller models' attempts; of two attempts on a question the first counts."""
    large: Annotated[list[RecordedFile], Field(min_length=1)]
    """The larger models' attempts."""
    max_bad_share: Fraction = 0.01
    """Share of a file's rows that cannot be used above which the stage fails."""


AttemptEngine = Annotated[LocalEngine | VllmEngine | RecordedEngine, Field(discriminator="kind")]


class LoopParams(Section):
    """When thinking that repeats itself is ended (state ``looped``)."""

    max_period: PositiveInt = 200
    """Longest stretch of tokens that counts as a loop when it is repeated."""
    min_repeats: Annotated[int, Field(ge=2)] = 4
    """How many times in a row the stretch must stand at the end of the thinking."""
    min_tokens: PositiveInt = 400
    """Shortest repeated text in all, so that a row of equal signs is no loop."""
    check_every: PositiveInt = 512
    """Thinking tokens between two looks; each look costs one short prefill."""


class ForcingParams(Section):
    """One more setting of forced decoding, a point of its own beside the budgets and Wait counts."""

    name: str
    """Name of the point, such as exact-256 or hmm-2: letters, digits, -, _ and .; no other point may have it."""
    max_thinking_tokens: PositiveInt | None = None
    """Thinking limit; empty: generate.max_thinking_tokens. Equal to the minimum it makes thinking exactly so long."""
    min_thinking_tokens: Count = 0
    """An end of thinking before so many tokens is suppressed and a text appended, however often that takes."""
    num_waits: Count = 0
    """How often an end of thinking behind the minimum is suppressed as well."""
    texts: list[str] = Field(default=[])
    """Appended in turn where an end is suppressed ("Hmm", "Alternatively"; "" for nothing); none given: chat.wait."""
    only_below: Annotated[float, Field(gt=0, le=1)] | None = None
    """Suppress an end only where the model gave ending a probability below this; empty: always."""

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        check_own_name(name)
        return name

    @model_validator(mode="after")
    def _is_possible(self) -> "ForcingParams":
        if self.max_thinking_tokens is not None and self.min_thinking_tokens > self.max_thinking_tokens:
            raise ValueError(
                f"{self.name}: min_thinking_tokens {self.min_thinking_tokens} is above max_thinking_tokens "
                f"{self.max_thinking_tokens}; lower the minimum or raise the maximum (equal: exactly so long)"
            )
        if self.texts and not (self.num_waits or self.min_thinking_tokens):
            raise ValueError(f"{self.name}: texts are never appended; give num_waits or min_thinking_tokens")
        if self.only_below is not None and (self.min_thinking_tokens or not self.num_waits):
            raise ValueError(
                f"{self.name}: only_below needs num_waits (the ends that may be suppressed) and goes with no "
                "min_thinking_tokens, which holds whatever the probability"
            )
        return self


class ControlParams(Section):
    """One of the paper's prompted controls of thinking (section 5.2): the prompt says how much to think."""

    kind: Literal["tokens", "steps", "class"]
    """Say a limit in tokens, a limit in steps, or short and long."""
    amounts: Annotated[list[PositiveInt], DISTINCT] = Field(default=[])
    """Limits to ask for, each a point; class has none: it has the points short and long."""
    force: bool = False
    """Also cut the thinking at the limit (the paper's "+ BF" rows), 100 tokens per step; not for class."""

    @model_validator(mode="after")
    def _amounts_fit(self) -> "ControlParams":
        if self.kind == "class" and (self.amounts or self.force):
            raise ValueError("control by class has the points short and long; give it no amounts and no force")
        if self.kind != "class" and not self.amounts:
            raise ValueError(f"control by {self.kind} needs amounts: the limits to ask for, each a point")
        return self


class GenerateParams(Section):
    """Forced decoding over budgets and Wait counts."""

    engine: EngineParams
    """How the base model and the tuned model decode."""
    benchmarks: Annotated[list[str], Field(min_length=1)]
    """Names from ``collect.benchmarks``: what the models are measured on."""
    budgets: Annotated[list[PositiveInt], Field(min_length=1), DISTINCT]
    """Maxima of thinking tokens, rising, each a point of the curve."""
    wait_counts: Annotated[list[Count], DISTINCT]
    """Rising: how often the end of thinking is suppressed and Wait appended, each a point; 0 is plain decoding."""
    settings: list[ForcingParams] = Field(default=[])
    """Further points: minimum, exact, other texts than Wait, Wait only where the model is unsure."""
    controls: list[ControlParams] = Field(default=[])
    """Prompted controls; the model must have been trained on such prompts (tokenize.control)."""
    max_thinking_tokens: PositiveInt | Literal["auto"]
    """Thinking limit of the Wait points, all rounds together; auto: what the context leaves for the longest prompt."""
    max_answer_tokens: PositiveInt
    """Longest answer behind the thinking, in tokens."""
    temperature: NonNegativeFloat
    """Randomness of decoding: 0 always takes the likeliest token (0 in the paper)."""
    num_samples: PositiveInt
    """Answers per question and point; more than 1 needs a temperature above 0."""
    num_parallel: Count = 0
    """Samples of plain thinking per question for voting and rejection sampling (point parallel); 0: no such point."""
    parallel_temperature: NonNegativeFloat | None = None
    """Randomness of those samples; empty: as temperature. In the paper votes sample at 1 beside a greedy curve."""
    loops: LoopParams | None = None
    """End thinking that repeats itself; empty: never."""

    @model_validator(mode="after")
    def _points_are_sane(self) -> "GenerateParams":
        if sorted(set(self.budgets)) != self.budgets:
            raise ValueError(f"budgets {self.budgets} must rise and not repeat")
        if sorted(set(self.wait_counts)) != self.wait_counts:
            raise ValueError(f"wait_counts {self.wait_counts} must rise and not repeat")
        self._check_names()
        for point in self.settings:
            limit = point.max_thinking_tokens or self.max_thinking_tokens
            if limit != "auto" and point.min_thinking_tokens > limit:
                raise ValueError(
                    f"{point.name}: min_thinking_tokens {point.min_thinking_tokens} is above generate."
                    f"max_thinking_tokens {limit}; lower the minimum, or give the point a maximum of its own"
                )
        if self.temperature == 0 and self.num_samples > 1:
            raise ValueError("num_samples above 1 needs a temperature above 0: greedy samples are all the same")
        if self.temperature_of_parallel == 0 and self.num_parallel > 1:
            raise ValueError(
                "num_parallel above 1 needs parallel_temperature (1 in the paper) or temperature above 0: greedy "
                "samples are all the same"
            )
        return self

    @property
    def temperature_of_parallel(self) -> float:
        """What the parallel samples are drawn at."""
        return self.temperature if self.parallel_temperature is None else self.parallel_temperature

    def _check_names(self) -> None:
        names = [point.name for point in self.settings]
        for control in self.controls:
            names += [setting_name(control.kind, amount, is_forced=control.force) for amount in control.amounts]
            names += [CLASS_SHORT] if control.kind == "class" else []
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(f"settings and controls give the points {doubles} twice; each point needs its own name")
