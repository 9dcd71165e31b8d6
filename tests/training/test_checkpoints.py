"""States on disk: which count, which give way, what a full disk says."""

import zipfile
from pathlib import Path

import pytest
import torch

from s1.training import checkpoints
from s1.training.guards import TrainingError

RECIPE = {"seed": "7"}


def write_state(folder: Path, step: int) -> Path:
    state = folder / checkpoints.unfinished_tag(step)
    state.mkdir(parents=True)
    torch.save({"weights": torch.arange(1000.0)}, state / "rank_0.pt")
    return state


def sealed(folder: Path, *steps: int) -> Path:
    for step in steps:
        write_state(folder, step)
        checkpoints.seal(folder, step, num_ranks=2, recipe=RECIPE)
    return folder


def test_a_state_counts_only_once_it_is_sealed(tmp_path: Path) -> None:
    sealed(tmp_path, 100)
    unfinished = write_state(tmp_path, 200)
    assert checkpoints.newest_whole(tmp_path) == 100
    assert unfinished.exists()
    checkpoints.clear_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000100"]


def test_a_seal_tells_the_recipe_the_ranks_and_the_bytes(tmp_path: Path) -> None:
    found = checkpoints.read_seal(sealed(tmp_path, 100), 100)
    size = (tmp_path / "step-000100" / "rank_0.pt").stat().st_size
    assert found == checkpoints.Seal(step=100, num_ranks=2, recipe=RECIPE, files={"rank_0.pt": size})
    assert found.num_bytes == size


def test_a_state_with_a_cut_or_missing_file_is_passed_over_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sealed(tmp_path, 100, 200)
    file = tmp_path / checkpoints.tag_of(200) / "rank_0.pt"
    file.write_bytes(b"short")
    assert checkpoints.newest_whole(tmp_path) == 100
    assert f"{file} holds 5 bytes of" in caplog.text
    file.unlink()
    assert checkpoints.newest_whole(tmp_path) == 100
    assert f"{file} is missing" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b'{"step": 0}', b'{"rank_0.pt": 50}'])
def test_a_seal_that_cannot_be_read_vouches_for_nothing(tmp_path: Path, content: bytes) -> None:
    sealed(tmp_path, 100)
    (tmp_path / checkpoints.tag_of(100) / checkpoints.SEAL).write_bytes(content)
    assert checkpoints.newest_whole(tmp_path) is None


def test_sealing_keeps_the_last_two_and_ends_what_was_set_aside(tmp_path: Path) -> None:
    sealed(tmp_path, 100, 200)
    checkpoints.set_aside(tmp_path, 200, damage="rank_0.pt is damaged")
    assert checkpoints.whole_steps(tmp_path) == [100]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000100", "step-000200.broken"]
    sealed(tmp_path, 200, 300, 400)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000300", "step-000400"]


def test_sealing_the_same_step_again_replaces_it(tmp_path: Path) -> None:
    sealed(tmp_path, 100, 200, 200)
    assert checkpoints.whole_steps(tmp_path) == [200, 100]


def test_one_flipped_bit_that_torch_loads_without_a_word_is_found(tmp_path: Path) -> None:
    file = write_state(tmp_path, 100) / "rank_0.pt"
    assert checkpoints.content_damage([file]) is None
    with zipfile.ZipFile(file) as archive:
        place = archive.getinfo("rank_0/data/0").header_offset + 2000
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert not torch.equal(torch.load(file)["weights"], torch.arange(1000.0))
    assert checkpoints.content_damage([file]) == f"{file} is damaged (CRC-32 of rank_0/data/0)"


def test_a_file_that_is_no_state_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "rank_0.pt"
    file.write_bytes(b"nothing")
    assert checkpoints.content_damage([file]) == f"{file} cannot be read: File is not a zip file"
    assert "missing.pt cannot be read" in str(checkpoints.content_damage([tmp_path / "missing.pt"]))


def test_no_folder_means_no_state(tmp_path: Path) -> None:
    assert checkpoints.newest_whole(tmp_path / "missing") is None


def test_room_is_made_at_the_price_of_the_older_state_only(tmp_path: Path) -> None:
    sealed(tmp_path, 100, 200)
    size = checkpoints.read_seal(tmp_path, 100).num_bytes
    disk = 2 * size + 500

    def free(folder: Path) -> int:
        return disk - size * len(checkpoints.whole_steps(folder))

    checkpoints.make_room(tmp_path, num_bytes=500, free=free)
    assert checkpoints.whole_steps(tmp_path) == [200, 100]
    checkpoints.make_room(tmp_path, num_bytes=size, free=free)
    assert checkpoints.whole_steps(tmp_path) == [200]


def test_a_disk_that_is_too_small_costs_no_state_and_says_what_is_needed(tmp_path: Path) -> None:
    sealed(tmp_path, 100, 200)
    with pytest.raises(TrainingError, match=r"it needs 1,000,000,000.00 GB and .* [GM]B are free. Remove .* step 200"):
        checkpoints.make_room(tmp_path, num_bytes=10**18)
    assert checkpoints.whole_steps(tmp_path) == [200, 100]
