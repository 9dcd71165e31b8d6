"""Every example weighs the same, however it is padded, grouped and shared out."""

import pytest
import torch

from s1.batching import plan_work
from s1.records import Example
from s1.training.loss import ExampleLosses, pad_micro_batch
from tests.training.tiny import make_examples, make_model


def reference_gradient(examples: list[Example]) -> dict[str, torch.Tensor]:
    """Mean of single-example gradients from the whole logits, as one example per GPU gives it."""
    model = make_model().double()
    for example in examples:
        labels = [token if mask else -100 for token, mask in zip(example.input_ids, example.loss_mask, strict=True)]
        # Not transformers' own loss, which rounds logits to single precision.
        logits = model(input_ids=torch.tensor([example.input_ids])).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(labels[1:]), ignore_index=-100)
        torch.autograd.backward(loss / len(examples))
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def planned_gradient(examples: list[Example], *, num_ranks: int, max_tokens: int) -> dict[str, torch.Tensor]:
    """The same through the plan of ``num_ranks`` ranks, added up as ZeRO does: averaged over ranks."""
    model = make_model().double()
    losses = ExampleLosses(model)
    work = plan_work([len(example.input_ids) for example in examples], num_ranks=num_ranks, max_tokens=max_tokens)
    for places in (places for groups in work for places in groups if places):
        batch = pad_micro_batch([examples[place] for place in places], device="cpu")
        rank_loss = losses(**batch.model_inputs).sum() * (num_ranks / len(examples))
        (rank_loss / num_ranks).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize(("num_ranks", "max_tokens"), [(1, 10_000), (1, 64), (3, 64), (16, 1), (5, 10_000)])
def test_a_steps_gradient_is_the_mean_of_its_examples_gradients(num_ranks: int, max_tokens: int) -> None:
    examples = make_examples(16)
    expected = reference_gradient(examples)
    actual = planned_gradient(examples, num_ranks=num_ranks, max_tokens=max_tokens)
    assert actual.keys() == expected.keys()
    difference = sum(float(((actual[name] - expected[name]) ** 2).sum()) for name in expected) ** 0.5
    norm = sum(float((expected[name] ** 2).sum()) for name in expected) ** 0.5
    assert difference / norm < 1e-12


def test_weighting_by_tokens_would_be_another_objective() -> None:
    examples = make_examples(16)
    batch = pad_micro_batch(examples, device="cpu")
    losses = ExampleLosses(make_model().double())(**batch.model_inputs).detach()
    counts = torch.bincount(batch.owners).double()
    assert abs(float((losses * counts).sum() / counts.sum() - losses.mean())) > 1e-3


def test_targets_are_the_tokens_under_the_mask_and_never_a_first_token() -> None:
    examples = [
        Example(question_id="a", input_ids=[5, 6, 7], loss_mask=[1, 0, 1]),
        Example(question_id="b", input_ids=[8, 9, 10, 11], loss_mask=[0, 1, 1, 1]),
    ]
    batch = pad_micro_batch(examples, device="cpu")
    assert batch.input_ids.tolist() == [[5, 6, 7, 0], [8, 9, 10, 11]]
    assert batch.targets.tolist() == [7, 9, 10, 11]
    assert batch.target_places.tolist() == [1, 4, 5, 6]
    assert batch.owners.tolist() == [0, 1, 1, 1]
