"""What is refused before a run costs anything, and what the refusal says."""

import socket

from s1.training.preflight import DeviceFacts, find_port_problem, find_problems

GOOD = DeviceFacts("2.11.0", "12.8", 8, capabilities=("sm_90",) * 8, built_for=("sm_80", "sm_90", "compute_90"))


def only(facts: DeviceFacts, *, device: str = "cuda", environment: dict[str, str] | None = None) -> str:
    (problem,) = find_problems(facts, device=device, processes_per_node=8, environment=environment or {})
    return problem


def test_a_fit_node_has_no_problem() -> None:
    assert find_problems(GOOD, device="cuda", processes_per_node=8, environment={}) == []


def test_cpu_ranks_need_no_gpu() -> None:
    assert find_problems(DeviceFacts("2.11.0", None, 0), device="cpu", processes_per_node=8) == []


def test_torch_without_cuda_is_told() -> None:
    assert "is built without CUDA; install a CUDA build" in only(DeviceFacts("2.11.0+cpu", None, 0))


def test_an_old_driver_is_told_in_torchs_words() -> None:
    facts = DeviceFacts("2.11.0", "12.8", 0, error="The NVIDIA driver on your system is too old (found version 11040)")
    assert "too old (found version 11040). Update the NVIDIA driver to one for CUDA 12.8" in only(facts)


def test_too_few_gpus_are_told_with_what_hides_them() -> None:
    facts = DeviceFacts("2.11.0", "12.8", 4, capabilities=("sm_90",) * 4, built_for=("sm_90",))
    problem = only(facts, environment={"CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    assert problem.startswith("this node has 4 usable GPUs for processes_per_node 8")
    assert "CUDA_VISIBLE_DEVICES is '0,1,2,3'" in problem


def test_gpus_that_torch_has_no_code_for_are_told() -> None:
    facts = DeviceFacts("2.11.0", "12.8", 8, capabilities=("sm_61",) * 8, built_for=("sm_80", "sm_90"))
    assert "has no code for this node's GPUs (sm_61; it has sm_80, sm_90)" in only(facts)


def test_a_later_device_of_the_same_generation_is_fine() -> None:
    facts = DeviceFacts("2.11.0", "12.8", 8, capabilities=("sm_86", "sm_89") * 4, built_for=("sm_80", "sm_90"))
    assert find_problems(facts, device="cuda", processes_per_node=8) == []


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert find_port_problem(port, address="127.0.0.1") == (
            f"port {port}, where the nodes meet, is in use on this node, perhaps by another run; set another port in "
            "the cluster's file"
        )
    assert find_port_problem(port, address="127.0.0.1") is None
