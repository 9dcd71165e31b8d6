"""Who computes what in one optimizer step: order of examples, groups of ranks, packed rows.

Pure and exact: every rank computes the same plan by itself, without talking. Knows ids and lengths (``steps``,
``partition``, ``layout``, ``rows``); does not know tokens, models or devices.

Example::

    steps = plan_steps(ids, batch_size=16, num_epochs=5, seed=0)      # 1,000 ids -> 63 steps per epoch, 315 in all
    lengths = [num_tokens[i] for i in steps[0].example_ids]
    layout = Layout(num_groups=4, sequence_parallel=4)                 # 16 ranks
    plan_rows(lengths, layout=layout, max_tokens_per_rank=8192)[0]     # group 0: rows of places in the step
"""

from s1.batching.layout import Layout, LayoutError, layouts, make_layout
from s1.batching.partition import partition
from s1.batching.rows import Loads, Row, count_loads, plan_rows
from s1.batching.steps import Step, count_steps, plan_steps

__all__ = [
    "Layout",
    "LayoutError",
    "Loads",
    "Row",
    "Step",
    "count_loads",
    "count_steps",
    "layouts",
    "make_layout",
    "partition",
    "plan_rows",
    "plan_steps",
]
