"""Where every artifact lies, relative to the project's root; ``dvc.yaml`` names the same paths (tested)."""

from pathlib import Path

from infra import versions

SMALL_MODEL = Path("models/base/small")
LARGE_MODEL = Path("models/base/large")
BASE_MODELS = {"small": SMALL_MODEL, "large": LARGE_MODEL}

QUESTIONS = Path("data/collect/questions.jsonl")
REFUSED = Path("data/collect/refused.jsonl")
"""Rows of sources that are no questions, by file and line."""
BENCHMARKS = Path("data/collect/benchmarks.jsonl")
"""All benchmark questions in one file; ``source`` is the benchmark's name."""

HELD_OUT = Path("data/collect/held_out.jsonl")
"""Questions that the pool is kept clear of without being measured on; benchmarks are in ``BENCHMARKS``."""
HASHED = Path("data/collect/hashed.jsonl")
"""The same, where only hashes of n-grams may be shown."""

CURATED = Path("data/curate/questions.jsonl")
CURATE_DECISIONS = Path("data/curate/decisions.jsonl")
COPIES = Path("data/curate/copies.jsonl")
"""Every row that is not the one copy of its text that was judged, as it was read: no provenance is lost."""

ATTEMPTS = Path("data/attempt/attempts.jsonl")
DIFFICULTY = Path("data/attempt/difficulty.jsonl")
"""One decision per curated question, in the curated order: hard, too easy, not attempted, ungraded."""
ATTEMPT_REFUSED = Path("data/attempt/refused.jsonl")
"""Rows of recorded attempts that cannot be used, by file and line."""
TRACES = Path("data/distill/traces.jsonl")
TRACE_REFUSED = Path("data/distill/refused.jsonl")
"""The same of recorded traces."""
DOMAINS = Path("data/classify/domains.jsonl")

SELECTION = Path("data/select/selection.jsonl")
SELECT_DECISIONS = Path("data/select/decisions.jsonl")
OTHER_SELECTIONS = Path("data/select/others")
LEDGER = Path("data/select/ledger.jsonl")
"""What became of every collected question, and why."""

EXAMPLES = Path("data/tokenize/examples.parquet")
TOKENIZE_DECISIONS = Path("data/tokenize/decisions.jsonl")
"""One decision per selected question: trained on, cut, too long, or giving its answer away."""

TUNED_MODEL = versions.TUNED
TRAIN_STEPS = Path("models/train/steps.jsonl")
"""One line per optimizer step: step, loss, learning rate, gradient norm, seconds, hash of the example ids."""

GENERATIONS = Path("data/generate/generations.jsonl")
RUN_IDENTITY = versions.RUN_IDENTITY
SCORES = Path("data/score/scores.jsonl")
JUDGE_NOTES = Path("data/score/judge.jsonl")
"""Where grader and judge differ; written only where ``score.judge`` names a judge."""

REPORT = Path("reports/report.html")
TRANSCRIPTS = Path("reports/transcripts.html")
"""The report's transcripts as a page of their own."""
CHARTS_FOLDER = Path("reports/charts")
"""The report's charts of accuracy, ``<benchmark>-<chart>.svg``."""

MANIFESTS_FOLDER = Path("manifests")
"""``manifests/<stage>.yaml``: the files from outside the project that the stage reads, with their hashes; in git."""
METRICS_FOLDER = Path("metrics")
"""``metrics/<stage>.json``: the stage's figures, made by its task, deterministic where the stage is."""
LEDGER_FOLDER = Path("ledger")
"""``ledger/<stage>.json``: quantities that cost money (seconds, tokens), measured by the runner."""
PLOTS_FOLDER = Path("plots")
WORK_FOLDER = Path(".s1/work")
"""Unfinished work of killed stages, by stage and fingerprint; outside DVC's outputs, removed when a stage ends well."""
