"""Which processor or GPUs this machine computes on, in words that differ where results may.

Knows NVIDIA's command line and Linux; imports no torch. What it cannot find out it says in general words.

Example::

    device_name()                   # '8 x NVIDIA H100 80GB HBM3', or 'AMD EPYC 9454, 2 cores'
"""

import os
import platform
import subprocess
from collections import Counter
from pathlib import Path


def device_name() -> str:
    """The GPUs if there are any, else the processor and how many cores this process may use."""
    gpus = ", ".join(f"{count} x {name}" for name, count in Counter(gpu_names()).items())
    return gpus or f"{_processor_name()}, {_num_cores()} cores"


def gpu_names() -> list[str]:
    """The name of each of the machine's NVIDIA GPUs, in their order; whether this process may use them is not asked."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no such program: no such GPU
        return []
    return [name for line in done.stdout.splitlines() if (name := line.strip())] if done.returncode == 0 else []


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
