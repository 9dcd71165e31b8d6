"""Plans a training run before any GPU starts: ``python -m flows.plan``, what ``make plan`` does.

From the base model's config, the examples' lengths, the recipe and the cluster to layout, minutes, dollars and memory,
with what every rank does in every step. Without arguments it plans the checkout's own run; everything can be named
instead, so a machine can be tried before it is rented. The arithmetic is ``s1.planning``'s.

Example::

    python -m flows.plan --cluster two-8gpu --steps 5
    python -m flows.plan --params profiles/s1-32b.yaml --cluster two-8gpu --config config.json --lengths s1k-long
    python -m flows.plan --published                    # how well it predicts runs that were published
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.plan_lengths import load_lengths
from flows.plan_text import render_gpus, render_plan, render_published
from infra.cluster import load_cluster
from infra.failures import EXIT_FAILED, explain
from infra.prices import load_prices
from s1.config import load_params
from s1.planning import read_shape
from s1.planning.lengths import STANDINS
from s1.planning.published import validation_table
from tasks.paths import EXAMPLES, LARGE_MODEL
from tasks.planning import plan_run
from tasks.runner import PARAMS


def main(argv: Sequence[str]) -> int:
    """Plan and print; return the exit code: 0 when the run fits."""
    arguments = _parse(argv)
    try:
        if arguments.gpus:
            print(render_gpus())
        elif arguments.published:
            print(render_published(validation_table()))
        else:
            print(_plan(arguments))
    except (OSError, ValueError) as error:
        print(f"plan: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _plan(arguments: argparse.Namespace) -> str:
    cluster, params = load_cluster(arguments.cluster), load_params(arguments.params)
    shape = read_shape(arguments.config)
    lengths = load_lengths(arguments.lengths, tokenizer=arguments.tokenizer)
    usd, note = arguments.usd, ""
    if usd is None and cluster.device == "cuda":
        listed = load_prices().gpu_hour
        # One price for every kind of GPU: whoever plans for another kind has to see whose it is.
        usd, note = listed.usd, f"\n\nprice         prices.yaml: {listed.source}; --usd takes another"
    planned = plan_run(
        cluster, train=params.train, seed=params.seed, shape=shape, lengths=lengths, usd_per_gpu_hour=usd
    )
    text = render_plan(planned, shape=shape, lengths=lengths, train=params.train, seed=params.seed, num=arguments.steps)
    return text + note


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.plan", description="Plan a training run.")
    parser.add_argument("--cluster", metavar="NAME", help="a file of infra/clusters; S1_CLUSTER without it")
    parser.add_argument("--params", metavar="FILE", type=Path, default=PARAMS, help="the recipe (params.yaml)")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=LARGE_MODEL / "config.json",
        help="a model's config.json (the base model's)",
    )
    parser.add_argument(
        "--lengths",
        metavar="FILE",
        default=str(EXAMPLES),
        help=f"examples (.parquet), numbers (.json, .txt), traces (.jsonl, .jsonl.gz), or {', '.join(STANDINS)}",
    )
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="tokenizer.json for traces (the base model's)")
    parser.add_argument("--usd", metavar="PRICE", type=_price, help="per GPU and hour; prices.yaml without it")
    parser.add_argument("--steps", metavar="N", type=_count, default=2, help="steps that are shown rank by rank (2)")
    parser.add_argument("--published", action="store_true", help="published runs beside what is predicted for them")
    parser.add_argument("--gpus", action="store_true", help="kinds of GPU that are known")
    return parser.parse_args(argv)


def _price(text: str) -> float:
    price = float(text)
    if not 0 <= price < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no price in US dollars; give 0 or more")
    return price


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of steps; give 0 or more")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
