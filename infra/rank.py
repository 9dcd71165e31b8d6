"""Entry of one training rank on this machine: the library's worker, tied to the life of its launcher.

torchrun puts each rank in a session of its own, where nothing would stop it if torchrun were killed.

Example::

    torchrun --nproc-per-node 2 -m infra.rank spec.json
"""

import sys

from infra.processes import die_with_parent

if __name__ == "__main__":
    die_with_parent()
    from s1.training.worker import main

    sys.exit(main(sys.argv[1:]))
