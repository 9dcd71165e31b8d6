"""The recipe of ``tiny.PARAMS`` by plain torch, for comparison: no DeepSpeed, no packing, one example at a time."""

import torch

from s1.batching import plan_steps
from s1.training.examples import read_examples
from s1.training.schedule import learning_rate
from s1.training.spec import TrainSpec
from tests.training.tiny import make_model


def simulate(spec: TrainSpec) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The recipe in one process in double precision, one example at a time, by plain torch; losses and weights."""
    model = make_model().double()
    free = [p for name, p in model.named_parameters() if name.endswith("bias") or "norm" in name]
    decayed = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "norm" in name)]
    groups = [{"params": decayed, "weight_decay": 0.0001}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    examples = {example.question_id: example for example in read_examples(spec.examples_file)}
    steps = plan_steps(list(examples), batch_size=4, num_epochs=2, seed=spec.seed)
    losses = []
    for step in steps:
        optimizer.zero_grad()
        total = 0.0
        for name in step.example_ids:
            ids = torch.tensor(examples[name].input_ids)
            logits = model(input_ids=ids[None]).logits[0]
            loss = torch.nn.functional.cross_entropy(logits[1:-1], ids[2:])
            torch.autograd.backward(loss / 4)
            total += loss.item() / 4
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step=step.number, num_steps=len(steps), peak=0.01, warmup_ratio=0.2)
        optimizer.step()
        losses.append(total)
    return losses, {name: value.float() for name, value in model.state_dict().items()}
