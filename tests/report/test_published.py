"""Published results keep their labels."""

from s1.report.published import published_results


def test_every_benchmark_of_the_paper_has_references_and_others_have_none() -> None:
    counts = {
        name: len(published_results(name)) for name in ("aime24", "aime25", "math500", "gpqa-diamond", "nano-test")
    }
    assert counts == {"aime24": 12, "aime25": 7, "math500": 12, "gpqa-diamond": 12, "nano-test": 0}


def test_the_models_of_the_paper_have_its_accuracies() -> None:
    table = {
        (result.model, result.setting): result.accuracy
        for result in published_results("aime24")
        if "Table 1" in result.source
    }
    assert table == {
        ("Qwen2.5-32B-Instruct", "direct"): 0.267,
        ("o1-preview", "as it comes"): 0.446,
        ("s1-32B", "budget forcing"): 0.567,
    }


def test_waits_have_their_number_and_only_a_known_amount_of_thinking_is_given() -> None:
    waits = {result.num_waits: result.accuracy for result in published_results("aime25") if result.model == "s1-32B"}
    assert waits == {0: 0.267, 1: 0.3, 2: 0.333, 4: 0.367}
    known = [result.mean_thinking_tokens for result in published_results("aime24") if result.mean_thinking_tokens]
    assert known == [6109]
