"""What stops a run before worse happens: impossible input, losses that are no numbers or jump, memory that runs out.

Knows examples, steps and their losses; does not know models, ranks or files.

Example::

    check_examples(examples, model_config={"vocab_size": 151936}, max_row_tokens=8192)
    check_losses([0.5, float("nan")], step)        # TrainingError: step 12: ... (q7)
    watch = LossWatch(SpikeParams(ratio=3.0, num_steps=20, min_loss=1.0), past=log)
    watch.check(record, step)                      # TrainingError: step 120: the loss jumped to 4.2 ...
"""

import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from s1.batching import Step
from s1.config import SpikeParams
from s1.model_limits import stated_context
from s1.records import Example
from s1.training.spec import TrainSpec, TrainStep

logger = logging.getLogger(__name__)

_NUM_NAMED = 5
"""Examples that a message names; the step log has them all."""
_PEER_GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "ncclRemoteError")


class TrainingError(RuntimeError):
    """Training cannot go on; the message says at which step and what to look at."""


def check_examples(examples: Sequence[Example], *, model_config: Mapping[str, Any], max_row_tokens: int) -> None:
    """Refuse what the model cannot read, before any GPU computes.

    Args:
        model_config: the model's ``config.json``; a limit that it does not state is not checked.
        max_row_tokens: longer examples are only warned of: they get a row of their own, which may not fit.

    Raises:
        TrainingError: a token id beyond the vocabulary, or an example longer than the model's positions.
    """
    vocabulary = model_config.get("vocab_size")
    positions = stated_context(model_config)
    for example in examples:
        largest, smallest = max(example.input_ids), min(example.input_ids)
        if vocabulary is not None and (largest >= vocabulary or smallest < 0):
            raise TrainingError(
                f"example {example.question_id} holds the token id {largest if smallest >= 0 else smallest}, but the "
                f"model has {vocabulary} (0 to {vocabulary - 1}): it was tokenized for another model. Run the stage "
                "tokenize again with this model's tokenizer"
            )
        if positions is not None and len(example.input_ids) > positions:
            raise TrainingError(
                f"example {example.question_id} has {len(example.input_ids)} tokens, but the model's positions end at "
                f"{positions} (max_position_embeddings): lower tokenize.max_length or take a model with more"
            )
    long = [example.question_id for example in examples if len(example.input_ids) > max_row_tokens]
    if long:
        logger.warning(
            "%d examples are longer than the %d tokens of a row (max_tokens_per_rank x sequence_parallel) and may not "
            "fit into memory: %s",
            *(len(long), max_row_tokens, ", ".join(long[:_NUM_NAMED])),
        )


def check_losses(losses: Sequence[float], step: Step) -> None:
    """Stop before the optimizer takes a step that is not a number; all ranks see the same losses.

    Args:
        losses: each example's mean per target token, in the step's order.

    Raises:
        TrainingError: names the examples whose losses are no numbers.
    """
    bad = [name for name, loss in zip(step.example_ids, losses, strict=True) if not math.isfinite(loss)]
    if bad:
        raise TrainingError(
            f"step {step.number}: the loss is not a finite number on {len(bad)} of {len(losses)} examples "
            f"({', '.join(bad)}); lower train.learning_rate, or look at these questions in the selection. "
            "The last checkpoint is from before this step"
        )


def check_grad_norm(grad_norm: float, step: Step) -> None:
    """Stop when the gradient is not a number.

    Raises:
        TrainingError: names the step's examples.
    """
    if not math.isfinite(grad_norm):
        raise TrainingError(
            f"step {step.number}: the gradient norm is {grad_norm}; lower train.learning_rate, or look at the "
            f"examples {', '.join(step.example_ids)}"
        )


class LossWatch:
    """Compares each step's loss with the median of the steps before it; remembers only what the step log holds."""

    def __init__(self, spike: SpikeParams | None, *, past: Iterable[TrainStep]) -> None:
        self._spike = spike
        self._recent = deque((record.loss for record in past), maxlen=spike.num_steps if spike else 1)

    def check(self, record: TrainStep, step: Step) -> None:
        """Stop at a loss that jumped; to be called before the step's state is saved.

        Raises:
            TrainingError: with the usual loss and the step's examples, worst first.
        """
        spike = self._spike
        if spike is not None and len(self._recent) == spike.num_steps:
            usual = median(self._recent)
            if record.loss > max(spike.ratio * usual, spike.min_loss):
                raise TrainingError(
                    f"step {step.number}: the loss jumped to {record.loss:.4g}, more than {spike.ratio:g} times the "
                    f"median of the {spike.num_steps} steps before ({usual:.4g}). Its examples, worst first: "
                    f"{_worst_first(step, record.example_losses)}. No checkpoint holds this step. Look at these "
                    "questions in the selection, lower train.learning_rate, or, if the jump is harmless, raise "
                    "train.spike.ratio"
                )
        self._recent.append(record.loss)


def _worst_first(step: Step, losses: Sequence[float]) -> str:
    if not losses:
        return ", ".join(step.example_ids)
    pairs = sorted(zip(losses, step.example_ids, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{name} ({loss:.3g})" for loss, name in pairs)


def explain_memory(error: Exception, step: Step, lengths: Sequence[int], *, spec: TrainSpec) -> str:
    """What was being computed when memory ran out, and what to turn.

    Args:
        lengths: tokens of the step's examples.
    """
    return (
        f"step {step.number}: out of memory with {sum(lengths)} tokens in {len(lengths)} examples, the longest "
        f"{max(lengths)} ({step.example_ids[max(range(len(lengths)), key=lengths.__getitem__)]}), at "
        f"max_tokens_per_rank {spec.max_tokens_per_rank}, sequence_parallel {spec.sequence_parallel}, recompute "
        f"{spec.recompute.mode}. In the cluster's file set recompute to all (auto fills what memory a pass leaves), "
        "then lower max_tokens_per_rank or raise sequence_parallel; or use more ranks, or train.zero_stage 3. "
        f"Said by torch: {str(error).splitlines()[0]}"
    )


def is_loss_of_peer(error: BaseException) -> bool:
    """Whether an error of a collective operation only says that another rank is gone (gloo's and NCCL's words)."""
    return any(words in str(error) for words in _PEER_GONE)
