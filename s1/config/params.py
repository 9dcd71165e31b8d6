"""The whole of ``params.yaml``, and what has to agree between its sections."""

from collections.abc import Iterable
from typing import Any

from pydantic import model_validator

from s1.config.choosing import CurateParams, SelectParams
from s1.config.decoding import GenerateParams
from s1.config.kinds import HubSource, JsonlSource
from s1.config.section import Section, Seed
from s1.config.sections import (
    AttemptParams,
    BaseParams,
    ChatParams,
    ClassifyParams,
    CollectParams,
    DistillParams,
    ReportParams,
    ScoreParams,
    TokenizeParams,
    TrainParams,
)


class NotRunParams(Section):
    """Stages that the profile leaves out: what follows one of them is left out too. The report says so."""

    train: bool
    """Leave out the training."""
    generate: bool
    """Leave out the decoding of the benchmarks."""
    score: bool
    """Leave out the scoring."""

    @property
    def stages(self) -> list[str]:
        """Names of the stages that are left out."""
        return [name for name in type(self).model_fields if getattr(self, name)]

    @model_validator(mode="after")
    def _what_follows_is_not_run_either(self) -> "NotRunParams":
        if (self.train and not self.generate) or (self.generate and not self.score):
            raise ValueError(f"{self.stages} are not run, so what follows them cannot be run: set it to true as well")
        return self


class Params(Section):
    """The whole of ``params.yaml``."""

    seed: Seed
    """Start of every random draw: the same seed and parameters give the same result."""
    base: BaseParams
    collect: CollectParams
    curate: CurateParams
    attempt: AttemptParams
    distill: DistillParams
    classify: ClassifyParams
    select: SelectParams
    chat: ChatParams
    tokenize: TokenizeParams
    train: TrainParams
    generate: GenerateParams
    score: ScoreParams
    report: ReportParams
    not_run: NotRunParams

    def dump(self, names: Iterable[str]) -> dict[str, Any]:
        """Values as JSON has them, of sections and single keys in them (``not_run.train``), nested as in the file."""
        wanted: dict[str, Any] = {}
        for name in names:
            section, dot, key = name.partition(".")
            if not dot:
                wanted[section] = True
            elif wanted.get(section) is not True:
                wanted.setdefault(section, set()).add(key)
        return self.model_dump(mode="json", include=wanted)

    @model_validator(mode="after")
    def _sources_exist(self) -> "Params":
        known = [source.name for source in self.collect.sources]
        named = {
            "curate.asy_exempt_sources": self.curate.asy_exempt_sources,
            "select.prepick_sources": self.select.prepick_sources,
            "select.prepick_long_sources": list(self.select.prepick_long_sources),
            "select.weight_sources": list(self.select.weight_sources),
        }
        for key, names in named.items():
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(f"{key} names {unknown}, which collect.sources {known} does not have")
        return self

    @model_validator(mode="after")
    def _what_runs_has_weights(self) -> "Params":
        bare = [name for name in ("small", "large") if getattr(self.base, name).kind == "tokenizer"]
        if bare and (not self.not_run.train or self.attempt.engine.kind != "recorded"):
            raise ValueError(
                f"base.{bare[0]} is a tokenizer without a model: set train, generate and score of not_run to true and "
                "attempt.engine to recorded attempts, or name a model"
            )
        return self

    @model_validator(mode="after")
    def _benchmarks_exist(self) -> "Params":
        known = [source.name for source in self.collect.benchmarks]
        for name in self.generate.benchmarks:
            if name not in known:
                raise ValueError(f"generate.benchmarks names {name!r}, which is not in collect.benchmarks {known}")
        return self

    @model_validator(mode="after")
    def _prose_has_a_judge(self) -> "Params":
        prose = [
            source.name
            for source in self.collect.benchmarks
            if isinstance(source, JsonlSource | HubSource)
            and source.answer_kind == "prose"
            and source.name in self.generate.benchmarks
        ]
        if prose and self.score.judge is None:
            raise ValueError(
                f"generate.benchmarks names {prose}, whose answers are prose, which only a judge can grade: name one "
                "in score.judge (its address is the variable S1_JUDGE_URL), or give the benchmark the answer_kind "
                "expression, choice or number"
            )
        return self

    @model_validator(mode="after")
    def _samples_suffice(self) -> "Params":
        wanted = self.score.num_parallel_needed
        if self.generate.num_parallel < wanted:
            raise ValueError(
                f"score.vote_counts {self.score.vote_counts} and rejection_budgets {self.score.rejection_budgets} need "
                f"generate.num_parallel to be {wanted} or more, it is {self.generate.num_parallel}"
            )
        return self
