"""Kinds of GPU and machines made of them: what their datasheets promise.

Peaks are of dense bf16 products with fp32 sums (half of what datasheets print where they count sparsity). Memory is
what nvidia-smi shows as the total. Knows no prices and no measurements.

Example::

    find_gpu("h200").peak_flops         # 9.895e+14
"""

from dataclasses import dataclass

from s1.planning.problems import PlanError

MIB = 1024**2
USABLE_SHARE = 0.95
"""Of a GPU's memory: steps differ in size, and what lies between their tensors is lost; an assumption."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU."""

    name: str
    peak_flops: float
    """Dense bf16, per second."""
    memory_bytes: int
    memory_bytes_per_second: float
    link_bytes_per_second: float
    """To the other GPUs of its node, each direction."""
    source: str


@dataclass(frozen=True, slots=True)
class Machine:
    """GPUs that train together."""

    gpu: Gpu
    gpus_per_node: int
    num_nodes: int = 1
    network_gbits_per_gpu: float | None = None
    """Between nodes, each direction; None: one node, or unknown and taken as fast enough."""
    storage_bytes_per_second: float = 2e9
    """Of each node, reading and writing: an assumption, unless given."""

    @property
    def num_gpus(self) -> int:
        """GPUs in all."""
        return self.num_nodes * self.gpus_per_node

    @property
    def usable_bytes(self) -> int:
        """Of one GPU's memory, what plans fill."""
        return int(USABLE_SHARE * self.gpu.memory_bytes)

    @property
    def peak_flops(self) -> float:
        """Of all GPUs together, per second."""
        return self.num_gpus * self.gpu.peak_flops


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("H100-SXM-80GB", 989.5e12, 81559 * MIB, 3.35e12, 450e9, "NVIDIA H100 datasheet, SXM5"),
        Gpu("H200", 989.5e12, 143771 * MIB, 4.8e12, 450e9, "NVIDIA H200 datasheet, SXM"),
        Gpu("B200", 2250e12, 183359 * MIB, 7.7e12, 900e9, "NVIDIA HGX B200 datasheet"),
        Gpu("A100-80GB", 312e12, 81920 * MIB, 2.039e12, 300e9, "NVIDIA A100 datasheet, SXM4 80 GB"),
        Gpu("A100-40GB", 312e12, 40960 * MIB, 1.555e12, 300e9, "NVIDIA A100 datasheet, SXM4 40 GB"),
        Gpu("L40S", 362e12, 46068 * MIB, 0.864e12, 32e9, "NVIDIA L40S datasheet; PCIe 4.0 x16"),
        Gpu("RTX-4090", 165.2e12, 24564 * MIB, 1.008e12, 32e9, "NVIDIA Ada architecture paper; PCIe 4.0 x16"),
        Gpu("RTX-3090", 71e12, 24576 * MIB, 0.936e12, 32e9, "NVIDIA GA102 architecture paper; PCIe 4.0 x16"),
    )
}
"""By name."""


def find_gpu(name: str) -> Gpu:
    """A kind of GPU by its name, whatever its case.

    Raises:
        PlanError: there is no such kind; lists those there are.
    """
    for known, gpu in GPUS.items():
        if known.lower() == name.lower():
            return gpu
    raise PlanError(f"gpu {name!r} is not known; plans know {', '.join(GPUS)} (`python -m flows.plan --gpus`)")
