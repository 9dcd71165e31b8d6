"""Learning rate of every step: linear warm-up, then half a cosine down to zero.

Example::

    learning_rate(step=16, num_steps=315, peak=1e-5, warmup_ratio=0.05)     # about 9.4e-06; the peak comes at step 17
"""

import math


def learning_rate(*, step: int, num_steps: int, peak: float, warmup_ratio: float) -> float:
    """Learning rate used by a step, as transformers' ``get_cosine_schedule_with_warmup`` gives it.

    Args:
        step: counted from 1. The first step of a warm-up has rate 0, as at the reference.
        peak: the recipe's learning rate (paper appendix D: 1e-5).
        warmup_ratio: share of all steps, rounded up to whole steps (0.05 of 315 is 16).
    """
    num_warmup = math.ceil(warmup_ratio * num_steps)
    done = step - 1
    if done < num_warmup:
        return peak * done / num_warmup
    progress = (done - num_warmup) / max(1, num_steps - num_warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * progress))
