"""Flat names of nested figures, and the curves that MLflow draws."""

from infra.figures import CurvePoint, curve_points, flatten_metrics, flatten_params


def test_params_are_dotted_as_in_the_file() -> None:
    params = {"seed": 0, "train": {"dtype": "float32", "learning_rate": 0.001}, "generate": {"budgets": [16, 32]}}
    assert flatten_params(params) == {
        "seed": "0",
        "train.dtype": "float32",
        "train.learning_rate": "0.001",
        "generate.budgets": "[16, 32]",
    }


def test_lists_of_sections_are_numbered() -> None:
    params = {"collect": {"sources": [{"name": "a"}, {"name": "b"}]}}
    assert flatten_params(params) == {"collect.sources.0.name": "a", "collect.sources.1.name": "b"}


def test_only_finite_numbers_become_metrics() -> None:
    metrics = {
        "small": {"accuracy": 0.25, "num": 4},
        "note": "text",
        "ok": True,
        "undefined": None,
        "loss": float("nan"),
        "list": [1, 2],
    }
    assert flatten_metrics(metrics) == {"small/accuracy": 0.25, "small/num": 4.0}


def test_signs_that_mlflow_refuses_are_replaced() -> None:
    assert flatten_metrics({"a=b": {"50%": 1}}) == {"a_b/50_": 1.0}


def test_curves_have_the_budget_or_the_number_of_waits_as_their_step() -> None:
    score = {
        "nano-test": {
            "tuned": {
                "max-16": {"kind": "budget", "amount": 16, "accuracy": 0.2, "mean_thinking_tokens": 15.5},
                "wait-2": {"kind": "wait", "amount": 2, "accuracy": 0.4, "mean_thinking_tokens": None},
            },
            "parallel": None,
            "base": {"direct": {"kind": "direct", "amount": None, "accuracy": 0.1, "mean_thinking_tokens": 0.0}},
            "differences": {"wait-2_minus_wait-0": {"difference": 0.1}},
            "curve": {"budgets": {"control": 1.0}},
        }
    }
    assert curve_points(score) == [
        CurvePoint("accuracy_by_budget/nano-test.tuned", 16, 0.2),
        CurvePoint("thinking_tokens_by_budget/nano-test.tuned", 16, 15.5),
        CurvePoint("accuracy_by_waits/nano-test.tuned", 2, 0.4),
    ]
