"""Slices run on CPU at a tiny shape, and figures for the paper's run follow from measured seconds."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from bench.ranks import ROOT
from bench.slice_figures import (
    efficiency,
    engine_factor,
    gpu_kind,
    layer_times,
    model_flops_share,
    peak_seconds,
    predict,
)
from bench.slice_models import make_row, make_slice, run_pass, slice_shape
from bench.slice_results import Measurement, Results
from bench.slice_tables import print_tables
from bench.slice_timing import OUT_OF_TIME, Timer, describe
from bench.slices import TINY, main
from s1.planning import find_gpu
from s1.planning.published import QWEN25_32B
from s1.training.attention import register_attention
from s1.training.loss import RowLosses

H100 = find_gpu("H100-SXM-80GB")


def taken(num_layers: int, seconds: float, *, engine: str = "plain", part: str = "layers") -> Measurement:
    return Measurement.model_validate(
        {
            "part": part,
            "num_layers": num_layers,
            "lengths": (4700,),
            "recomputes": False,
            "loss_kernel": "fused",
            "attention": "varlen",
            "engine": engine,
            "seconds": seconds,
        }
    )


def results(*measurements: Measurement) -> Results:
    return Results(
        device="NVIDIA H100 80GB HBM3",
        gpu=H100.name,
        shape=QWEN25_32B,
        dtype="bfloat16",
        torch_version="0",
        measurements=measurements,
    )


def at_share(share: float) -> tuple[Measurement, Measurement]:
    """Slices that take what the planner takes at this share of peak."""
    few, many = (
        peak_seconds(slice_shape(QWEN25_32B, count), 4700, recomputes=False, gpu=H100) / share for count in (4, 8)
    )
    return taken(4, few), taken(8, many)


def test_a_layers_time_is_what_more_layers_take_beyond_few() -> None:
    time = next(layer_times(results(taken(4, 0.3), taken(8, 0.5))))
    assert time.seconds == pytest.approx(0.05)
    assert time.rest_seconds == pytest.approx(0.1)
    assert time.model_seconds(64) == pytest.approx(0.1 + 64 * 0.05)


def test_the_planner_gets_back_the_share_of_peak_that_slices_were_made_at() -> None:
    assert efficiency(results(*at_share(0.5)), gpu=H100) == pytest.approx(0.5)


def test_what_deepspeed_adds_lowers_the_share() -> None:
    measured = results(*at_share(0.5), taken(2, 0.1, part="engine"), taken(2, 0.11, part="engine", engine="deepspeed"))
    assert engine_factor(measured) == pytest.approx(1.1)
    assert efficiency(measured, gpu=H100) == pytest.approx(0.5 / 1.1)


def test_a_slice_at_its_floor_uses_all_of_the_peak() -> None:
    flops = 6 * (4 * QWEN25_32B.layer_matrix_parameters + QWEN25_32B.head_parameters) * 4700
    seconds = (flops + 6 * 4 * 5120 * 4700**2) / H100.peak_flops
    assert model_flops_share(taken(4, seconds), shape=QWEN25_32B, gpu=H100) == pytest.approx(1.0, rel=1e-3)


def test_twice_the_share_of_peak_is_about_half_the_minutes_on_sixteen_gpus() -> None:
    slow, fast = (predict(share, shape=QWEN25_32B, lengths_name="s1k-short").estimate for share in (0.3, 0.6))
    assert slow is not None and fast is not None
    assert 0.45 < fast.minutes.mid / slow.minutes.mid < 0.62
    assert slow.floor_minutes == fast.floor_minutes < fast.minutes.mid


def test_too_few_measurements_give_no_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    assert efficiency(results(taken(4, 0.3)), gpu=H100) is None
    print_tables(results(taken(4, 0.3)))
    assert "Too little was measured for a prediction" in capsys.readouterr().out


def test_tables_show_the_prediction_beside_the_aim_and_what_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(results(*at_share(0.5)))
    shown = capsys.readouterr().out
    assert "Share of peak for the planner: 0.500" in shown
    assert "| s1k-long, groups x ranks" in shown
    assert "| aim | 14 | | 11 | 45% | | |" in shown
    assert "| published | 26 | 6.93 | 20.04 | | | |" in shown


def test_gpus_are_known_by_their_drivers_names() -> None:
    assert gpu_kind("NVIDIA H100 80GB HBM3") == "H100-SXM-80GB"
    assert gpu_kind("NVIDIA H200") == "H200"
    assert gpu_kind("NVIDIA H100 PCIe") is None


def test_a_slice_has_the_shape_that_was_asked_for() -> None:
    model = make_slice(TINY, num_layers=2, device="cpu", dtype=torch.float32)
    assert sum(parameter.numel() for parameter in model.parameters()) == slice_shape(TINY, 2).num_parameters
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.get_default_dtype() == torch.float32


def test_a_pass_goes_through_packed_rows_and_leaves_no_gradient() -> None:
    model = make_slice(TINY, num_layers=1, device="cpu", dtype=torch.float64)
    model.set_attn_implementation(register_attention("sdpa"))
    row = make_row((12, 20), vocabulary_size=512, device="cpu")
    assert row.cu_seq_lens.tolist() == [0, 12, 32]
    loss = run_pass(RowLosses(model, kernel="chunked"), row)
    assert 5.0 < float(loss) < 8.0  # log 512 is 6.24, and the model is random
    assert all(parameter.grad is None for parameter in model.parameters())


def test_when_the_time_is_used_up_the_rest_is_told_and_not_run() -> None:
    timer = Timer("cpu", minutes=0.0)
    found = timer.measure(taken(4, 1.0).model_copy(update={"seconds": None}), lambda: pytest.fail("was run"))
    assert (found.seconds, found.problem) == (None, OUT_OF_TIME)


def test_what_does_not_fit_is_told_in_one_line() -> None:
    assert describe(torch.OutOfMemoryError("CUDA out of memory.\nTried to")) == "does not fit in memory"
    assert describe(RuntimeError("NCCL error\nmore")) == "NCCL error"


def test_the_bench_runs_on_cpu_and_tells_what_needs_a_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.slice_timing.NUM_REPEATS", 2)
    out = tmp_path / "slices.json"
    arguments = ["--tiny", "--device", "cpu", "--minutes", "2", "--out", str(out)]
    assert main([*arguments, "--parts", "layers", "loss", "attention"]) == 0
    found = Results.model_validate_json(out.read_bytes())
    assert asdict(found.shape) == asdict(TINY)
    assert len(found.find(part="layers")) == 16
    kernels = {one.loss_kernel: one for one in found.find(part="loss")}
    assert "runs on CUDA GPUs" in kernels["fused"].problem
    assert kernels["plain"].loss == pytest.approx(kernels["chunked"].loss, rel=1e-5)
    measured = [one for one in found.measurements if one.loss_kernel != "fused" and one.attention != "varlen"]
    assert all(one.seconds is not None and one.problem == "" for one in measured)
    told = [one.problem for one in found.find(part="attention") if one.attention == "varlen"]
    assert len(told) == 2 and all("runs on CUDA GPUs" in problem for problem in told)
    shown = capsys.readouterr().out
    assert "there are no shares of it and no prediction" in shown
    assert main(["--read", str(out)]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.slow
def test_the_same_pass_runs_under_deepspeed_on_one_rank(tmp_path: Path) -> None:
    out = tmp_path / "slices.json"
    command = [
        sys.executable,
        "-m",
        "bench.slices",
        "--tiny",
        "--device",
        "cpu",
        "--parts",
        "engine",
        "--out",
        str(out),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # DeepSpeed's process group stays in there.
    plain, under = Results.model_validate_json(out.read_bytes()).measurements
    assert (plain.engine, plain.problem, under.engine, under.problem) == ("plain", "", "deepspeed", "")
    assert plain.seconds is not None and under.seconds is not None and under.optimizer_seconds is not None
    assert min(plain.seconds, under.seconds, under.optimizer_seconds) > 0


def test_results_that_are_none_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "slices.json").write_text("[]")
    assert main(["--read", str(tmp_path / "slices.json")]) == 1
    assert "holds no results of this bench" in capsys.readouterr().err
