"""What ``make clean`` checks and removes before files go: nothing that somebody works in.

Knows the checkout's locks and its runs' workspaces.

Example::

    python -m infra.clean
"""

import sys
from pathlib import Path

from infra.locks import is_held, read_owner
from infra.services.state import keeper_lock
from infra.settings import CHAIN_LOCK
from infra.workspace import remove_abandoned


def main() -> int:
    """Remove abandoned workspaces; refuse while a run or the servers need what would be removed."""
    for lock, remedy in ((CHAIN_LOCK, "Wait for it"), (keeper_lock(Path.cwd()), "`make down` stops the servers")):
        if is_held(lock):
            sys.stderr.write(f"In use by {read_owner(lock) or 'a running process'}. {remedy}, then `make clean`.\n")
            return 2
    for name in remove_abandoned():
        sys.stdout.write(f"removed the workspace {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
