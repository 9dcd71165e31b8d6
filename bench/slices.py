"""Slices of the 32B model on one NVIDIA GPU of 80 GB or more: seconds per layer, memory, and the paper's run from them.

Four and eight of Qwen2.5-32B's 64 layers at their exact shapes, bf16, random weights made on the device; nothing is
downloaded. Through this project's own modules: layers at 2,300 to 9,400 tokens with and without recompute (16 passes
timed, about 10 s each at most, the plan is 90 s in all), three loss kernels with peak memory at 20,000 tokens (30 s),
varlen attention beside one call per example (20 s), a plain loop beside DeepSpeed ZeRO 3 on one rank with its optimizer
step (60 s); these times are planned, not measured. When ``--minutes`` are used up the rest is left out and told, as is
what a device cannot run. Then the planner's prediction for 16 H100 from these measurements, with the gap to the floor.

``--tiny --device cpu`` runs the same code on a tiny shape, to see that it works.

Example::

    python -m bench.slices --out slices.json                  # 9 minutes at most
    python -m bench.slices --read slices.json                 # the tables again, anywhere
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from bench.slice_figures import gpu_kind
from bench.slice_parts import Setting, measure_attention, measure_engine, measure_layers, measure_losses
from bench.slice_results import Measurement, Results
from bench.slice_tables import print_tables
from bench.slice_timing import Timer
from s1.planning import ModelShape
from s1.planning.published import QWEN25_32B

PARTS: dict[str, Callable[[Setting, Timer], Iterator[Measurement]]] = {
    "layers": measure_layers,
    "loss": measure_losses,
    "attention": measure_attention,
    "engine": measure_engine,
}
"""In the order of what they are worth."""
TINY = ModelShape(
    num_layers=8,
    hidden_size=64,
    intermediate_size=128,
    num_heads=4,
    num_kv_heads=2,
    head_size=16,
    vocabulary_size=512,
    has_qkv_bias=True,
)


def make_setting(*, device: str, is_tiny: bool) -> Setting:
    """The real shape in bf16, or a tiny one in single precision."""
    if not is_tiny:
        return Setting(shape=QWEN25_32B, device=device, dtype=torch.bfloat16)
    return Setting(
        shape=TINY,
        device=device,
        dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        layer_counts=(1, 2),
        lengths=(24, 48, 72, 96),
        loss_tokens=200,
        engine_layers=1,
    )


def measure(setting: Setting, timer: Timer, *, parts: Sequence[str], out: Path) -> Results:
    """All parts, as far as time goes; what is there is written after each measurement."""
    device = torch.cuda.get_device_name() if setting.device == "cuda" else "CPU"
    results = Results(
        device=device,
        gpu=gpu_kind(device),
        shape=setting.shape,
        dtype=str(setting.dtype).removeprefix("torch."),
        torch_version=torch.__version__,
        measurements=(),
    )
    for name in parts:
        for one in PARTS[name](setting, timer):
            results = results.model_copy(update={"measurements": (*results.measurements, one)})
            out.write_text(results.model_dump_json(indent=2), encoding="utf-8")
            shown = one.problem if one.seconds is None else f"{1e3 * one.seconds:.2f} ms"
            print(f"# {name}: {one.num_layers} layers, {one.num_tokens} tokens: {shown}", file=sys.stderr, flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.slices", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a tiny shape instead of 32B's")
    parser.add_argument("--minutes", type=float, default=9.0, help="stop measuring after so long")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("slices.json"))
    parser.add_argument("--read", type=Path, help="print the tables of an earlier run instead of measuring")
    options = parser.parse_args(arguments)
    if options.read is not None:
        try:
            print_tables(Results.model_validate_json(options.read.read_bytes()))
        except (OSError, ValueError) as error:
            print(f"{options.read} holds no results of this bench: {error}", file=sys.stderr)
            return 1
        return 0
    if options.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA GPU here; try `--tiny --device cpu`, which runs the same code", file=sys.stderr)
        return 1
    setting = make_setting(device=options.device, is_tiny=options.tiny)
    timer = Timer(options.device, minutes=options.minutes)
    print_tables(measure(setting, timer, parts=options.parts, out=options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
