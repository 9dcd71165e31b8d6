"""Typed mirror of ``params.yaml``: one section per stage, named like the stage, plus ``seed`` and ``chat``.

Everything here changes what a result *is*. What only changes where it runs or what it costs (hosts, ports, prices,
number of processes) lives in the environment, ``infra/clusters`` and ``prices.yaml``. Wrong keys and values are
refused with the key's path and line.

Example::

    params = load_params(Path("params.yaml"))
    params.select.num_examples      # 1000
"""

from s1.config.decoding import (
    ControlParams,
    EngineParams,
    ForcingParams,
    GenerateParams,
    LocalEngine,
    LoopParams,
    VllmEngine,
)
from s1.config.kinds import (
    HubModel,
    HubSource,
    JsonlSource,
    Judge,
    KnownBenchmark,
    Model,
    NanoModel,
    PathModel,
    ProceduralSource,
    SolverTeacher,
    Source,
    Teacher,
)
from s1.config.loading import ParamsError, load_params
from s1.config.params import Params
from s1.config.section import Section
from s1.config.sections import (
    AttemptParams,
    BaseParams,
    ChatParams,
    ClassifyParams,
    CollectParams,
    CurateParams,
    DistillParams,
    LoraParams,
    ReportParams,
    ScoreParams,
    SelectParams,
    SpikeParams,
    TokenizeParams,
    TrainParams,
)

__all__ = [
    "AttemptParams",
    "BaseParams",
    "ChatParams",
    "ClassifyParams",
    "CollectParams",
    "ControlParams",
    "CurateParams",
    "DistillParams",
    "EngineParams",
    "ForcingParams",
    "GenerateParams",
    "HubModel",
    "HubSource",
    "JsonlSource",
    "Judge",
    "KnownBenchmark",
    "LocalEngine",
    "LoopParams",
    "LoraParams",
    "Model",
    "NanoModel",
    "Params",
    "ParamsError",
    "PathModel",
    "ProceduralSource",
    "ReportParams",
    "ScoreParams",
    "Section",
    "SelectParams",
    "SolverTeacher",
    "Source",
    "SpikeParams",
    "Teacher",
    "TokenizeParams",
    "TrainParams",
    "VllmEngine",
    "load_params",
]
