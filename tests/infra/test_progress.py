"""Lines of progress: seldom, and with the time left."""

import io

from infra.progress import TerminalProgress


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_at_the_start_at_the_end_and_every_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = TerminalProgress("train", stream=stream, clock=clock)
    for second in range(1, 31):
        clock.now = float(second)
        progress(second, 30, f"loss {second}")
    assert stream.getvalue().splitlines() == [
        "  [train] loss 1: 1 of 30 (3%)",
        "  [train] loss 11: 11 of 30 (36%), about 19 s left",
        "  [train] loss 21: 21 of 30 (70%), about 9 s left",
        "  [train] loss 30: 30 of 30 (100%)",
    ]


def test_a_count_that_starts_over_is_a_new_piece_of_work() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = TerminalProgress("attempt", stream=stream, clock=clock)
    for name in ("small", "large"):
        progress(5, 10, name)
        progress(10, 10, name)
    assert len(stream.getvalue().splitlines()) == 4
