"""Published training runs beside what the same arithmetic predicts for them.

MosaicML's rows and s1's own run validate: their shapes, batches and GPUs are known, and one constant per stack predicts
them (``s1.planning.stacks.FSDP``). Of the others something that decides is unknown; what they imply is shown, and why
that proves nothing. Sources: llm-foundry, ``scripts/train/benchmarking/README.md`` at commit 061f2c7 (H100, bf16);
arXiv 2501.19393, section 3 and table 2; issues 111 and 125 and ``train/sft.sh`` of s1's repository; the model cards of
Sky-T1, Bespoke-Stratos and OpenThinker; torchtitan's ``benchmarks/llama3_h100_202412``.

Example::

    for row in validation_table():
        print(row.run, row.published, row.predicted, row.error)
"""

from dataclasses import dataclass

from s1.planning.hardware import Machine, find_gpu
from s1.planning.lengths import standin
from s1.planning.plan import Recipe
from s1.planning.reference import estimate_reference
from s1.planning.shapes import ModelShape
from s1.planning.stacks import ATTENTION_FACTOR, FSDP
from s1.planning.traffic import collective_seconds, pass_bytes

QWEN25_32B = ModelShape(
    num_layers=64,
    hidden_size=5120,
    intermediate_size=27648,
    num_heads=40,
    num_kv_heads=8,
    head_size=128,
    vocabulary_size=152064,
    has_qkv_bias=True,
)
QWEN25_7B = ModelShape(
    num_layers=28,
    hidden_size=3584,
    intermediate_size=18944,
    num_heads=28,
    num_kv_heads=4,
    head_size=128,
    vocabulary_size=152064,
    has_qkv_bias=True,
)
S1_MINUTES = 26.0
"""Of s1's training on 16 H100 (arXiv 2501.19393, section 3)."""
S1_USD_PER_GPU_HOUR = 2.89
"""$20 for it, over 16 GPUs x 26 minutes."""
_NETWORK_GBITS = 400.0
"""Taken for published runs on several nodes: none names its network."""
S1_RECIPE = Recipe(batch_size=16, num_epochs=5, seed=0, precision="bfloat16", zero_stage=3)
"""What of s1's recipe decides time and memory (appendix D)."""
S1_MACHINE = Machine(find_gpu("H100-SXM-80GB"), gpus_per_node=8, num_nodes=2, network_gbits_per_gpu=_NETWORK_GBITS)
"""What s1 was trained on."""


@dataclass(frozen=True, slots=True)
class ValidationRow:
    """One published run."""

    run: str
    unit: str
    published: float
    predicted: float | None
    """None: something that decides is not published."""
    why_not: str = ""
    """What is not."""
    is_rate: bool = False
    """Larger is faster."""

    @property
    def error(self) -> float | None:
        """How much longer than published the predicted run takes; undefined without a prediction."""
        if self.predicted is None:
            return None
        return (self.published / self.predicted if self.is_rate else self.predicted / self.published) - 1


@dataclass(frozen=True, slots=True)
class FoundryRow:
    """One row of MosaicML's table."""

    name: str
    sequence: int
    num_gpus: int
    micro_batch: int
    """Sequences of one pass on one GPU."""
    tokens_per_second_per_gpu: float
    num_parameters: int
    num_layers: int
    width: int
    recomputes: bool


FOUNDRY_ROWS = (
    FoundryRow("MPT 70B", 2048, 64, 8, 1039, 64862437376, 80, 8192, True),
    FoundryRow("MPT 70B", 2048, 32, 2, 882, 64862437376, 80, 8192, True),
    FoundryRow("MPT 30B", 8192, 8, 1, 1384, 30019254272, 48, 7168, True),
    FoundryRow("MPT 30B", 4096, 8, 1, 1802, 29989894144, 48, 7168, True),
    FoundryRow("MPT 30B", 2048, 32, 14, 2308, 29975214080, 48, 7168, True),
    FoundryRow("MPT 30B", 2048, 16, 10, 2263, 29975214080, 48, 7168, True),
    FoundryRow("MPT 30B", 2048, 8, 3, 2002, 29975214080, 48, 7168, True),
    FoundryRow("MPT 30B", 1024, 8, 6, 2084, 29967874048, 48, 7168, True),
    FoundryRow("MPT 13B", 32768, 8, 1, 1976, 13011240960, 40, 5120, True),
    FoundryRow("MPT 13B", 16384, 8, 3, 2985, 12927354880, 40, 5120, True),
    FoundryRow("MPT 13B", 4096, 8, 10, 4717, 12864440320, 40, 5120, True),
    FoundryRow("MPT 13B", 2048, 64, 2, 4800, 12853954560, 40, 5120, False),
    FoundryRow("MPT 13B", 2048, 8, 2, 4792, 12853954560, 40, 5120, False),
    FoundryRow("MPT 13B", 1024, 8, 40, 5502, 12848711680, 40, 5120, True),
    FoundryRow("MPT 7B", 65536, 8, 1, 1956, 6918905856, 32, 4096, True),
    FoundryRow("MPT 7B", 32768, 8, 2, 3318, 6784688128, 32, 4096, True),
    FoundryRow("MPT 7B", 8192, 8, 8, 6935, 6684024832, 32, 4096, True),
    FoundryRow("MPT 7B", 4096, 8, 16, 8611, 6667247616, 32, 4096, True),
    FoundryRow("MPT 7B", 2048, 8, 6, 10643, 6658859008, 32, 4096, False),
    FoundryRow("MPT 7B", 1024, 8, 64, 10203, 6654664704, 32, 4096, True),
)
"""H100 80 GB, bf16, FULL_SHARD, 7B and larger; the 13B rows on 16 and 32 GPUs repeat the 8 and 64 ones to 0.5 %."""


def validation_table() -> list[ValidationRow]:
    """All published runs, those that validate first."""
    foundry = [
        ValidationRow(
            f"{row.name}, {row.sequence} tokens, {row.num_gpus} H100",
            "tokens/s/GPU",
            row.tokens_per_second_per_gpu,
            predict_foundry(row),
            is_rate=True,
        )
        for row in FOUNDRY_ROWS
    ]
    s1 = [
        ValidationRow(f"s1-32B, 16 H100, lengths {name}", "minutes", S1_MINUTES, predict_s1(name))
        for name in ("s1k-short", "s1k-long")
    ]
    return [*s1, *foundry, *_others()]


def predict_foundry(row: FoundryRow, *, efficiency: float = FSDP.efficiency.mid) -> float:
    """Tokens per second and GPU of a row of MosaicML's table."""
    gpu = find_gpu("H100-SXM-80GB")
    machine = Machine(gpu, gpus_per_node=8, num_nodes=row.num_gpus // 8, network_gbits_per_gpu=_NETWORK_GBITS)
    passes = 8 if row.recomputes else 6
    tokens = row.sequence * row.micro_batch
    attention = ATTENTION_FACTOR * row.num_layers * row.width * row.sequence * tokens
    computing = passes * (row.num_parameters * tokens + attention) / gpu.peak_flops / efficiency
    traffic = pass_bytes(row.num_parameters, num_trained=row.num_parameters, zero_stage=3)
    both = (computing, collective_seconds(traffic, machine))
    return tokens / (max(both) + FSDP.exposed * min(both))


def predict_s1(lengths_name: str) -> float:
    """Minutes of s1's own run on the reference's stack, with stand-ins for the lengths."""
    lengths = {str(number): length for number, length in enumerate(standin(lengths_name))}
    estimate = estimate_reference(QWEN25_32B, lengths, recipe=S1_RECIPE, machine=S1_MACHINE)
    assert estimate is not None, "20,453 tokens fit"
    return estimate.minutes.mid


def implied_mfu(shape: ModelShape, *, mean_tokens: int, gpu_seconds_per_pass: float) -> float:
    """Share of an H100's peak behind a published duration, were all examples of the mean length."""
    return shape.training_flops(mean_tokens) / gpu_seconds_per_pass / find_gpu("H100-SXM-80GB").peak_flops


def implied_gbits_per_node(shape: ModelShape, *, seconds_per_step: float) -> float:
    """Bandwidth of each of two nodes behind a published duration, were all of it spent on the network."""
    moved = pass_bytes(shape.num_parameters, num_trained=shape.num_parameters, zero_stage=3) * 15 / 16
    return moved / seconds_per_step * 8 / 1e9


def _others() -> list[ValidationRow]:
    """Runs that validate nothing, with what they imply."""
    rows = []
    for run, shape, num_gpus, hours, passes in (
        ("Sky-T1-32B", QWEN25_32B, 8, 19, 17_000 * 3),
        ("Bespoke-Stratos-32B", QWEN25_32B, 8, 27, 16_710 * 3),
        ("OpenThinker-32B", QWEN25_32B, 32, 90, 114_000 * 3),
        ("OpenThinker-7B", QWEN25_7B, 32, 20, 114_000 * 3),
    ):
        taken = hours * num_gpus * 3600 / passes
        mfu = implied_mfu(shape, mean_tokens=5000, gpu_seconds_per_pass=taken)
        why = f"lengths are not published; {mfu:.1%} MFU at a mean of 5,000"
        rows.append(ValidationRow(f"{run}, {num_gpus} H100", "GPU-s per example", taken, None, why))
    low, high = (
        implied_mfu(QWEN25_32B, mean_tokens=mean, gpu_seconds_per_pass=394 * 3600 / (59_000 * 5))
        for mean in (4200, 4600)
    )
    slow = [
        ValidationRow(
            f"s1 issue {number}, 16 H100",
            "minutes",
            hours * 60,
            None,
            f"network is not published; {implied_gbits_per_node(QWEN25_32B, seconds_per_step=hours * 3600 / 315):.0f} "
            "Gb/s per node if it was all of the time",
        )
        for number, hours in ((125, 3), (111, 18))
    ]
    header = [
        implied_mfu(QWEN25_32B, mean_tokens=mean, gpu_seconds_per_pass=5268.8 * 8 / 5000) for mean in (4600, 5460)
    ]
    return [
        ValidationRow(
            "s1 59K-full", "H100-hours", 394.0, None, f"lengths are not published; {low:.0%} to {high:.0%} MFU"
        ),
        ValidationRow(
            "s1's train/sft.sh, 8 GPUs",
            "minutes",
            5268.8 / 60,
            None,
            f"kind of GPU is not published; {header[0]:.0%} to {header[1]:.0%} MFU were they H100",
        ),
        *slow,
        *rows,
        ValidationRow(
            "torchtitan Llama 3 70B, 256 H100",
            "tokens/s/GPU",
            652.0,
            None,
            "tensor parallel and 500 W: another stack, of which this is the only row",
        ),
    ]
