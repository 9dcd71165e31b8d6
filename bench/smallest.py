"""The smallest setting of the chain: untrained models and few questions. Every stage does its real work in seconds.

Plain data, for whatever runs whole chains only to see that they run (tests, ``bench.soak``); nothing is learned.

Example::

    create_workspace(folder, source=Path("."), overrides=SMALLEST, cache=cache)
"""

from collections.abc import Mapping

SMALLEST: Mapping[str, object] = {
    "base.small.num_steps": 2,
    "base.large.num_steps": 2,
    "collect.sources.0.num": 300,
    "collect.benchmarks.0.num": 12,
    "collect.benchmarks.1.num": 12,
    "collect.num_planted_overlaps": 10,
    "attempt.shard_size": 100,
    "distill.shard_size": 100,
    "select.num_examples": 48,
    "select.num_uniform": 32,
    "train.num_epochs": 2,
    "train.checkpoint_every_steps": 2,
    "generate.budgets": [8, 16, 32],
    "generate.wait_counts": [0, 1],
    "generate.settings": [],
    "generate.num_parallel": 2,
    "generate.max_thinking_tokens": 48,
    "generate.max_answer_tokens": 6,
    "score.num_resamples": 200,
    "score.vote_counts": [2],
    "score.rejection_budgets": [16],
    "score.max_failed_share": 1,  # untrained models give no answers
}
"""Dotted keys of ``params.yaml``; the others stay as the nano profile has them."""
