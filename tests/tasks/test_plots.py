"""Rows for DVC's plots hold no text that can begin a tag."""

import json
from pathlib import Path

from tasks.plots import write_plot


def test_no_text_begins_a_tag_and_everything_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "plots/select/domains.json"
    path.parent.mkdir(parents=True)
    write_plot(path, [{"domain": "a</script><b> & [x](y)", "num": 3, "share": 0.5, "waits": None}])
    assert "<" not in path.read_text()
    assert json.loads(path.read_text()) == [
        {"domain": "a＜/script>＜b> & [x](y)", "num": 3, "share": 0.5, "waits": None}
    ]
