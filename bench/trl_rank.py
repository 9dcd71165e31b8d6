"""One rank of TRL's SFTTrainer for ``bench.throughput``; runs in TRL's own environment and imports nothing of s1.

Takes the recipe, the variant and the order of examples from a JSON file and writes when each optimizer step ended,
what processor time it took and what its loss was, TRL's: a mean over all target tokens of the step.

Example::

    S1_TRL_PYTHON -m torch.distributed.run --standalone --nproc-per-node 2 bench/trl_rank.py job.json
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

VARIANTS: dict[str, dict[str, Any]] = {
    "padded": {"per_device_train_batch_size": 8},
    "accumulated": {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8},
    "padding-free": {"per_device_train_batch_size": 8, "padding_free": True, "max_length": None},
    "rebalanced": {"per_device_train_batch_size": 8, "train_sampling_strategy": "batch_rebalance"},
}
"""Ways in which SFTTrainer keeps steps of 16 examples on two ranks; ``rebalanced`` shares them out by length."""


def main(job_file: Path) -> None:
    """Train as told and write ``<output>.rank<n>.json``."""
    from datasets import Dataset
    from trl import SFTConfig

    job = json.loads(job_file.read_text(encoding="utf-8"))
    recipe, rank = job["recipe"], int(os.environ["RANK"])
    settings = {"train_sampling_strategy": "sequential", "max_length": recipe["max_length"], **VARIANTS[job["variant"]]}
    config = SFTConfig(
        output_dir=job["output"],
        # TRL loads model and tokenizer; no code that lies beside them, and no pickles.
        model_init_kwargs={"dtype": "float32", "use_safetensors": True},
        max_steps=job["num_steps"],
        learning_rate=recipe["learning_rate"],
        lr_scheduler_type="cosine",
        warmup_steps=recipe["warmup_ratio"],
        weight_decay=recipe["weight_decay"],
        adam_beta1=recipe["adam_beta1"],
        adam_beta2=recipe["adam_beta2"],
        max_grad_norm=recipe["max_grad_norm"],
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        ddp_backend="gloo",
        dataloader_pin_memory=False,
        disable_tqdm=True,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        **settings,
    )
    ends = make_stopwatch()
    trainer = trainer_class()(
        model=job["model"],
        args=config,
        train_dataset=Dataset.from_list(read_rows(Path(job["examples"]), order=job["order"])),
        callbacks=[ends],
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    versions = {name: version(name) for name in ("trl", "transformers", "accelerate", "torch")}
    result = {"ends": ends.ends, "cpu": ends.cpu, "losses": losses, "versions": versions}
    Path(f"{job['output']}.rank{rank}.json").write_text(json.dumps(result), encoding="utf-8")


def read_rows(path: Path, *, order: list[str]) -> list[dict[str, list[int]]]:
    """Tokens and labels of the examples, in order; labels of tokens that are no targets are -100."""
    import pyarrow.parquet

    rows = {row["question_id"]: row for row in pyarrow.parquet.read_table(path).to_pylist()}
    return [
        {
            "input_ids": rows[name]["input_ids"],
            "labels": [
                token if is_target else -100
                for token, is_target in zip(rows[name]["input_ids"], rows[name]["loss_mask"], strict=True)
            ],
        }
        for name in order
    ]


def trainer_class() -> Any:
    """SFTTrainer, that never shuffles: the sampler that rebalances does by default, and Trainer offers no setting."""
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
            sampler = super()._get_train_sampler(*args, **kwargs)
            if hasattr(sampler, "shuffle"):
                sampler.shuffle = False
            return sampler

    return Trainer


def make_stopwatch() -> Any:
    """A callback that notes when each optimizer step ended, by the clock and by this process's processor time."""
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []
            self.cpu: list[float] = []

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            self.ends.append(time.perf_counter())
            self.cpu.append(time.process_time())

    return Stopwatch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
