"""Steps and receipts between a stage and the process that tracks it."""

import math
from pathlib import Path

from infra.spool import Spool


def test_steps_are_read_once_each(tmp_path: Path) -> None:
    stage, tracker = Spool("run", "train", folder=tmp_path), Spool("run", "train", folder=tmp_path)
    stage.start()
    stage.add_step(1, {"loss": 3.0})
    stage.add_step(2, {"loss": 2.5})
    assert [(item.step, item.figures) for item in tracker.read_new_steps()] == [(1, {"loss": 3.0}), (2, {"loss": 2.5})]
    stage.add_step(3, {"loss": 2.0})
    assert [item.step for item in tracker.read_new_steps()] == [3]
    assert tracker.read_new_steps() == []


def test_a_half_written_step_waits(tmp_path: Path) -> None:
    spool = Spool("run", "train", folder=tmp_path)
    spool.add_step(1, {"loss": 3.0})
    path = tmp_path / "run/train.steps.jsonl"
    line = path.read_bytes()
    path.write_bytes(line + line[:10])
    assert len(spool.read_new_steps()) == 1
    path.write_bytes(line + line)
    assert len(spool.read_new_steps()) == 1


def test_a_loss_that_is_not_a_number_stays_so(tmp_path: Path) -> None:
    spool = Spool("run", "train", folder=tmp_path)
    spool.add_step(1, {"loss": math.nan})
    assert math.isnan(spool.read_new_steps()[0].figures["loss"])


def test_a_receipt_proves_a_good_end_and_a_new_start_forgets_it(tmp_path: Path) -> None:
    spool = Spool("run", "train", folder=tmp_path)
    assert spool.read_receipt() is None
    spool.start()
    spool.write_receipt("flow-run")
    receipt = spool.read_receipt()
    assert receipt is not None
    assert receipt.flow_run_id == "flow-run"
    spool.start()
    assert spool.read_receipt() is None


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool("run", "train", folder=tmp_path)
    spool.add_step(1, {"loss": 1.0})
    spool.write_receipt(None)
    spool.remove()
    assert list(tmp_path.iterdir()) == []
