"""One rank of ``test_model``: loads, takes a step and saves, case after case; argument: a folder of specs.

By DeepSpeed and transformers' own loss alone, so that what is tested is how a model is loaded, frozen and saved.
"""

import sys
from pathlib import Path

import deepspeed
import torch
from torch import distributed

from s1.training.engine import optimizer_groups, start_distributed, zero_config
from s1.training.lora import plain_name
from s1.training.model import load_model, save_model
from s1.training.spec import TrainSpec


def run_case(spec: TrainSpec) -> None:
    model = load_model(spec, zero_config=zero_config(spec))
    optimizer = torch.optim.AdamW(optimizer_groups(model, weight_decay=0.0), lr=0.01)
    engine, _, _, _ = deepspeed.initialize(model=model, optimizer=optimizer, config=zero_config(spec))
    engine.train()
    for number in range(2):  # LoRA's first step moves one of its two matrices only
        ids = torch.tensor([[5, 6, 7, 8 + number, 9]])
        engine.backward(engine(input_ids=ids, labels=ids).loss)
        engine.step()
    save_model(
        model,
        is_sharded=spec.train.zero_stage == 3,
        tokenizer_folder=spec.model_folder,
        folder=spec.output_folder,
    )
    with torch.no_grad():
        engine.train(False)
        logits = engine(input_ids=torch.tensor([[3, 4, 5]])).logits
    if distributed.get_rank() == 0:
        frozen = sum(not parameter.requires_grad for parameter in model.parameters())
        matrices = sum(plain_name(name) is None for name, _ in model.named_parameters())
        torch.save({"logits": logits, "frozen": frozen, "matrices": matrices}, spec.run_folder / "seen.pt")
    distributed.barrier()


def main() -> None:
    start_distributed("cpu")
    for path in sorted(Path(sys.argv[1]).glob("*/spec.json")):
        run_case(TrainSpec.model_validate_json(path.read_bytes()))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
