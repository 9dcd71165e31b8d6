"""Minutes, dollars and memory of a training run, before any GPU starts.

Pure arithmetic from four things: a model's ``config.json`` (``shapes``), the lengths of the examples (``lengths``), the
recipe, and the machine (``hardware``). ``memory`` says what fits, ``steps`` what every step costs, ``plan`` chooses
and refuses, ``published`` compares with runs whose figures are public. Knows no torch, files of clusters or prices.

Example::

    machine = Machine(gpu=find_gpu("H100-SXM-80GB"), num_nodes=2, gpus_per_node=8, network_gbits_per_gpu=400)
    plan = make_plan(read_shape(Path("config.json")), lengths, recipe=recipe, machine=machine)
    plan.layout, plan.estimate.minutes.mid          # Layout(num_groups=2, sequence_parallel=8), 13.9
"""

from s1.planning.hardware import GPUS, Gpu, Machine, find_gpu
from s1.planning.plan import Plan, Recipe, Wishes, make_cpu_plan, make_plan
from s1.planning.problems import PlanError
from s1.planning.shapes import ModelShape, read_shape

__all__ = [
    "GPUS",
    "Gpu",
    "Machine",
    "ModelShape",
    "Plan",
    "PlanError",
    "Recipe",
    "Wishes",
    "find_gpu",
    "make_cpu_plan",
    "make_plan",
    "read_shape",
]
