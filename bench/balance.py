"""How long ranks wait for the fullest one: one example per rank at a time beside packed groups, planned and run.

For lengths as s1K's may be (the two stand-ins of ``s1.planning.lengths`` that bracket what is published of it) and
those of real reasoning traces, divided by ``--scale``, a tiny model takes real forward and backward passes through our
training on 2 and on 4 ranks: in the reference's layout and in every layout of groups and sequence parallelism that the
ranks allow. Each rank's work is its processor time, because ranks may share cores; waiting is, over all passes, the sum
of the busiest rank's time over the mean rank's. Every layout must have the same losses.

The same measured seconds of single examples then say what 16 ranks would wait: with one example each, and in four
groups of four that share theirs evenly.

Example::

    python -m bench.balance --data "$S1_DATA"
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.balance_cases import (
    ALL_TOGETHER,
    REFERENCE,
    Case,
    Measured,
    cases_of,
    check_losses,
    run_cases,
    sixteen_cases,
    sixteen_ranks,
)
from bench.ranks import ROOT, RankError
from bench.trace_lengths import trace_lengths
from s1.batching import plan_steps
from s1.config import load_params
from s1.nano.tokenizer import build_tokenizer
from s1.planning.lengths import standin
from s1.planning.published import QWEN25_32B
from s1.planning.shapes import ModelShape, shape_of
from s1.records import Example
from s1.training.examples import write_examples
from s1.training.spec import TrainSpec

MODEL: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
"""Small enough for seconds; heads for groups of up to four ranks. As wide as that, attention weighs in lengths divided
by 16 nearly what it does in the 32B model's own."""
BATCH_SIZE = 16
RANK_COUNTS = (2, 4)
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Lists:
    """Examples of several lists of lengths, drawn into steps as training draws them."""

    lengths: Mapping[str, int]
    """By id, scaled."""
    epochs: Mapping[str, Sequence[Sequence[str]]]
    """Of each list, the ids of every step of an epoch."""
    num_steps: int
    """That are run, the first ones."""
    scale: int = 1
    """What lengths were divided by."""

    @property
    def steps(self) -> dict[str, Sequence[Sequence[str]]]:
        """Ids of the steps that are run, by list."""
        return {name: epoch[: self.num_steps] for name, epoch in self.epochs.items()}

    def lengths_of(self, steps: Sequence[Sequence[str]]) -> list[list[int]]:
        """Tokens of the steps' examples."""
        return [[self.lengths[name] for name in step] for step in steps]

    def planned(self, case: Case, steps: Sequence[Sequence[str]], *, attention_weight: float) -> float:
        """What all ranks wait for over the mean rank's tokens, over all steps together."""
        loads = [case.planned(step, attention_weight=attention_weight) for step in self.lengths_of(steps)]
        return sum(sum(one.longest) for one in loads) / sum(sum(one.longest) / one.max_over_mean for one in loads)


def draw_lists(lists: Mapping[str, Sequence[int]], *, scale: int, num_steps: int) -> Lists:
    """Divide lengths, none below a few tokens, and draw the steps of an epoch of each list."""
    lengths: dict[str, int] = {}
    epochs = {}
    for name, of_list in lists.items():
        own = {f"{name}/{number}": max(_SHORTEST, round(length / scale)) for number, length in enumerate(of_list)}
        steps = plan_steps(list(own), batch_size=BATCH_SIZE, num_epochs=1, seed=0)
        epochs[name] = [step.example_ids for step in steps]
        lengths |= own
    return Lists(lengths, epochs, num_steps, scale)


def make_examples(lists: Lists, *, vocabulary_size: int) -> list[Example]:
    """Random tokens for the examples of the steps that are run; all but the first are targets."""
    source = random.Random(0)
    names = dict.fromkeys(name for steps in lists.steps.values() for step in steps for name in step)
    return [
        Example(
            question_id=name,
            input_ids=[source.randrange(vocabulary_size) for _ in range(lists.lengths[name])],
            loss_mask=[0] + [1] * (lists.lengths[name] - 1),
        )
        for name in names
    ]


def make_model(folder: Path) -> ModelShape:
    """Write a random tiny model with its tokenizer; return its sizes."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = build_tokenizer()
    config = Qwen2Config(vocab_size=len(tokenizer), **MODEL)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return shape_of(config.to_dict(), name="the bench's model")


def make_spec(folder: Path, *, shape: ModelShape) -> TrainSpec:
    """The paper's recipe on the tiny model; a step is one pass."""
    return TrainSpec(
        train=load_params(ROOT / "profiles/nano.yaml").train.model_copy(update={"batch_size": BATCH_SIZE}),
        seed=0,
        model_folder=folder / "model",
        examples_file=folder / "examples.parquet",
        run_folder=folder,
        device="cpu",
        max_tokens_per_rank=ALL_TOGETHER,
        attention_weight=shape.attention_weight,
    )


def measure(lists: Lists, *, rank_counts: Sequence[int]) -> None:
    """Run every layout on every list and print what ranks waited."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape = make_model(folder / "model")
        examples = make_examples(lists, vocabulary_size=shape.vocabulary_size)
        write_examples(folder / "examples.parquet", examples)
        spec = make_spec(folder, shape=shape)
        print_attention(lists, shape)
        print("| lengths | ranks | layout | planned, all steps | planned, steps run | measured | work | step |")
        print("|---|---:|---|---:|---:|---:|---:|---:|")
        for num_ranks in rank_counts:
            cases = cases_of(num_ranks, shape=shape)
            measured = run_cases(cases, lists.steps, spec=spec, num_ranks=num_ranks)
            difference = check_losses(measured)
            print_cases(cases, measured, lists, attention_weight=shape.attention_weight)
    print("\n*Measured*: maximum over mean of the ranks' processor time. *Work*: processor seconds of all ranks.")
    print("*Step*: seconds by the clock, which cores shared by ranks or with other work make longer.")
    print(f"Largest difference in an example's loss between layouts on {num_ranks} ranks: {difference:.1e} nats.\n")
    print_sixteen(measured, lists, num_ranks=num_ranks, attention_weight=shape.attention_weight)


def print_attention(lists: Lists, shape: ModelShape) -> None:
    """What attention weighs in the tiny model, beside the model that the lengths are meant for."""
    for name, epoch in lists.epochs.items():
        mean = fmean(length for step in lists.lengths_of(epoch) for length in step)
        shares = (shape.attention_weight * mean, QWEN25_32B.attention_weight * mean * lists.scale)
        own, real = (f"{share:.0%}" for share in shares)
        print(f"Attention adds {own} to the work of a mean example of {name}; in the 32B model at full length {real}.")
    print()


def print_cases(
    cases: Sequence[Case], measured: Mapping[tuple[str, str], Measured], lists: Lists, *, attention_weight: float
) -> None:
    """A row for each list and layout."""
    for name, epoch in lists.epochs.items():
        for case in cases:
            one = measured[name, case.name]
            planned = (
                lists.planned(case, steps, attention_weight=attention_weight) for steps in (epoch, lists.steps[name])
            )
            ratios = " | ".join(f"{ratio:.3f}" for ratio in (*planned, one.max_over_mean))
            seconds = f"{one.work_seconds:.2f} s | {one.wall_seconds:.2f} s"
            print(f"| {name} | {case.layout.num_ranks} | {case.name} | {ratios} | {seconds} |", flush=True)


def print_sixteen(
    measured: Mapping[tuple[str, str], Measured], lists: Lists, *, num_ranks: int, attention_weight: float
) -> None:
    """What 16 ranks would wait, from the seconds of single examples."""
    print("| lengths | 16 ranks | planned, all steps | planned, steps run | from measured seconds |")
    print("|---|---|---:|---:|---:|")
    for name, epoch in lists.epochs.items():
        steps = lists.steps[name]
        found = sixteen_ranks(
            measured[name, REFERENCE],
            lists.lengths_of(steps),
            num_ranks=num_ranks,
            attention_weight=attention_weight,
        )
        for case, ratio in zip(sixteen_cases(), found, strict=True):
            planned = (lists.planned(case, of, attention_weight=attention_weight) for of in (epoch, steps))
            print(f"| {name} | {case.name} | " + " | ".join(f"{one:.3f}" for one in (*planned, ratio)) + " |")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.balance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("S1_DATA"), help="folder of recordings; S1_DATA")
    parser.add_argument("--scale", type=int, default=16, help="lengths are divided by this")
    parser.add_argument("--steps", type=int, default=5, help="steps of each list that are run")
    options = parser.parse_args(arguments)
    lists = {name: standin(name) for name in ("s1k-short", "s1k-long")}
    try:
        if options.data is None:
            print("S1_DATA names no folder of recordings: real traces are left out.\n")
        else:
            lists["real traces"] = trace_lengths(options.data, chat=load_params(ROOT / "profiles/nano.yaml").chat)
        for name, lengths in lists.items():
            span = f"{min(lengths):,} to {max(lengths):,} tokens"
            print(f"{name}: {len(lengths)} examples of {span}, mean {fmean(lengths):,.0f}")
        print(
            f"Lengths divided by {options.scale}; {options.steps} steps of {BATCH_SIZE} examples are run.\n", flush=True
        )
        measure(draw_lists(lists, scale=options.scale, num_steps=options.steps), rank_counts=RANK_COUNTS)
    except (RankError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
