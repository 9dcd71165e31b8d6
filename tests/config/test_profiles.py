"""Profiles of real models: the paper's numbers where they claim them, and a cluster that each fits on."""

from pathlib import Path

import pytest

from infra.cluster import load_cluster
from s1.config import HubModel, Params, load_params
from s1.model_limits import check_context
from s1.planning import read_shape
from s1.planning.lengths import standin
from tasks.planning import plan_run
from tests.models.qwen_shapes import write_config

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
CLUSTERS = {
    "s1-32b": "two-8gpu",
    "qwen-7b-8gpu": "one-8gpu",
    "qwen-7b-lora-24gb": "one-24gb",
    "qwen-0.5b-24gb": "one-24gb",
}
NANO = "nano"
OPEN = "open"
"""Stops before a model is needed."""


def load(name: str) -> Params:
    return load_params(PROFILES / f"{name}.yaml")


def model_of(params: Params, name: str) -> str:
    model = params.base.large if name == "large" else params.base.small
    assert isinstance(model, HubModel)
    return model.repo.removeprefix("Qwen/").removesuffix("-Instruct")


def test_every_profile_of_a_real_model_is_known_here() -> None:
    assert {path.stem for path in PROFILES.glob("*.yaml")} == {NANO, OPEN, *CLUSTERS}


def test_s1k_gives_way_to_the_sources_that_it_copies_from() -> None:
    """Of equal texts the first source's is kept, and S1K's does not say that a letter is asked."""
    assert load(OPEN).collect.sources[-1].name == "s1k"


def test_the_papers_profile_trains_as_the_paper_did() -> None:
    """Appendix D: 5 epochs, batch 16, bfloat16, 1e-5 after 5% warm-up, AdamW 0.9 and 0.95, weight decay 1e-4."""
    params = load("s1-32b")
    train = params.train
    assert (train.num_epochs, train.batch_size, train.learning_rate, train.warmup_ratio) == (5, 16, 1e-5, 0.05)
    assert (train.weight_decay, train.adam_beta1, train.adam_beta2) == (1e-4, 0.9, 0.95)
    assert (train.dtype, train.objective, train.lora) == ("bfloat16", "example-mean", None)
    assert (params.tokenize.max_length, params.tokenize.over_length) == (32768, "cut")
    assert model_of(params, "large") == "Qwen2.5-32B" and model_of(params, "small") == "Qwen2.5-7B"
    assert (params.select.recipe, params.select.num_examples, params.select.num_uniform) == ("s1", 1000, 700)


def test_the_papers_profile_decodes_as_the_paper_did() -> None:
    """Section 4 and the reference's commands: greedy, float32, six maxima and up to six Waits, three benchmarks."""
    params = load("s1-32b")
    generate = params.generate
    assert generate.benchmarks == ["aime24", "math500", "gpqa-diamond"]
    assert (generate.engine.kind, generate.engine.dtype, generate.temperature) == ("vllm", "float32", 0)
    assert generate.budgets == [500, 1000, 2000, 4000, 8000, 16000]
    assert (generate.wait_counts, generate.max_thinking_tokens) == ([0, 1, 2, 4, 6], "auto")
    assert (params.score.num_resamples, params.score.confidence) == (10_000, 0.95)
    assert (params.chat.wait, params.chat.final_answer) == ("Wait", "\nFinal Answer:")


@pytest.mark.parametrize("name", ["qwen-7b-8gpu", "qwen-0.5b-24gb"])
def test_smaller_models_are_trained_by_the_papers_recipe(name: str) -> None:
    place = {"zero_stage", "checkpoint_every_steps"}
    assert load(name).train.model_dump(exclude=place) == load("s1-32b").train.model_dump(exclude=place)


@pytest.mark.parametrize(("name", "cluster"), CLUSTERS.items())
def test_a_profile_names_its_cluster_and_fits_it(name: str, cluster: str, tmp_path: Path) -> None:
    text, params = (PROFILES / f"{name}.yaml").read_text(), load(name)
    assert f"S1_CLUSTER={cluster}" in text and f"make profile NAME={name}" in text
    shape = read_shape(write_config(tmp_path / "large", model_of(params, "large")))
    lengths = {
        f"q{number}": min(length, params.tokenize.max_length) for number, length in enumerate(standin("s1k-1.1"))
    }
    plan = plan_run(load_cluster(cluster), train=params.train, seed=0, shape=shape, lengths=lengths).plan
    assert plan.fit is not None and len(plan.steps) == 315
    assert plan.fit.longest_example >= max(lengths.values())


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_profiles_lengths_and_budgets_fit_its_models(name: str, tmp_path: Path) -> None:
    params = load(name)
    folders = {key: tmp_path / key for key in ("small", "large")}
    for key, folder in folders.items():
        write_config(folder, model_of(params, key))
    check_context(params, folders)
