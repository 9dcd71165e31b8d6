"""A JobSet applied, followed to its end, and removed, by kubectl.

A process of its own, so that a launcher that is killed leaves no pods: its guard asks this process to end, which
removes the JobSet. Knows kubectl; does not know what pods do.

Example::

    python -m infra.launch.jobset manifest.yaml
"""

import contextlib
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.processes import sigterm_raises

_POLL_SECONDS = 3.0
_LAST_LINES_SECONDS = 10.0
_NAME_LABEL = "jobset.sigs.k8s.io/jobset-name"
_HOPELESS = {"CreateContainerConfigError", "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"}
_NUM_LOOKS_AT_HOPELESS = 5


class _Followed:
    """A JobSet that is applied: its pods' lines and its state, by kubectl."""

    def __init__(self, *, name: str, namespace: str, on_line: Callable[[str], None]) -> None:
        self._name = name
        self._kubectl = ["kubectl", "--namespace", namespace]
        self._on_line = on_line
        self._readers: dict[str, threading.Thread] = {}
        self._told: set[str] = set()
        self._num_hopeless = 0

    def apply(self, manifest: Path) -> None:
        self.remove()  # what a launcher that lost its power left behind; a JobSet cannot be changed
        subprocess.run([*self._kubectl, "apply", "-f", str(manifest)], check=True, stdin=subprocess.DEVNULL)

    def remove(self) -> None:
        argv = [*self._kubectl, "delete", "jobset", self._name, "--ignore-not-found", "--cascade=foreground"]
        subprocess.run([*argv, "--timeout=60s"], check=False, stdin=subprocess.DEVNULL)

    def follow(self) -> int:
        """Pass on what pods write until the JobSet has ended; 0: completed."""
        while True:
            conditions = self._get("jobset", self._name).get("status", {}).get("conditions", [])
            pods = self._get("pods", "--selector", f"{_NAME_LABEL}={self._name}").get("items", [])
            for pod in pods:
                self._look_at(pod)
            done = {condition["type"] for condition in conditions if condition["status"] == "True"}
            if done & {"Completed", "Failed"} or self._num_hopeless >= _NUM_LOOKS_AT_HOPELESS:
                break
            time.sleep(_POLL_SECONDS)
        deadline = time.monotonic() + _LAST_LINES_SECONDS
        for reader in self._readers.values():
            reader.join(timeout=max(deadline - time.monotonic(), 0))
        for condition in conditions:
            if condition["type"] == "Failed" and condition["status"] == "True":
                self._on_line(f"JobSet {self._name} failed: {condition.get('message', condition.get('reason'))}")
        return 0 if "Completed" in done else 1

    def _get(self, *what: str) -> dict[str, Any]:
        argv = [*self._kubectl, "get", *what, "--output", "json"]
        for attempt in range(5):  # the control plane may be away for a moment while pods go on
            result = subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, text=True)
            if result.returncode == 0:
                answer: dict[str, Any] = json.loads(result.stdout)
                return answer
            time.sleep(_POLL_SECONDS * attempt)
        raise RuntimeError(f"`{shlex.join(argv)}` does not answer: {result.stderr.strip()}")

    def _look_at(self, pod: dict[str, Any]) -> None:
        name, status = pod["metadata"]["name"], pod["status"]
        if status.get("phase") in ("Running", "Succeeded", "Failed"):
            if name not in self._readers:
                self._readers[name] = threading.Thread(target=self._read, args=(name,), daemon=True)
                self._readers[name].start()
            return
        waiting = [c.get("state", {}).get("waiting") or {} for c in status.get("containerStatuses", [])]
        reasons = [(state.get("reason"), state.get("message")) for state in waiting]
        reasons += [(c.get("reason"), c.get("message")) for c in status.get("conditions", []) if c["status"] == "False"]
        for reason, message in reasons:
            self._num_hopeless += reason in _HOPELESS
            if message and f"{name} {message}" not in self._told:
                self._told.add(f"{name} {message}")
                self._on_line(f"pod {name} waits: {reason}: {message}")

    def _read(self, pod: str) -> None:
        argv = [*self._kubectl, "logs", "--follow", pod]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                self._on_line(line.rstrip("\n"))


def main(argv: Sequence[str]) -> int:
    """Apply a manifest, follow it, remove it; its pods' lines go to standard output."""
    manifest = Path(argv[0])
    metadata = yaml.safe_load(manifest.read_text(encoding="utf-8"))["metadata"]
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    followed = _Followed(name=metadata["name"], namespace=metadata["namespace"], on_line=say)
    with sigterm_raises():
        try:
            followed.apply(manifest)
            return followed.follow()
        except (RuntimeError, subprocess.CalledProcessError) as error:
            say(str(error))
            return 1
        finally:
            with contextlib.suppress(FileNotFoundError):
                followed.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
