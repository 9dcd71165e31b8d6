"""How one command reaches one host: the cluster's ``remote_shell`` filled in; also what rsync uses in place of ssh.

Also a script, of the standard library alone: rsync calls it with a host, which is ignored, and words for the shell.

Example::

    fill(("ip", "netns", "exec", "{host}", "sh", "-c", "{command}"), host="node-b", command="hostname")
    # ['ip', 'netns', 'exec', 'node-b', 'sh', '-c', 'hostname']
"""

import json
import os
import sys
from collections.abc import Sequence


def fill(template: Sequence[str], *, host: str, command: str) -> list[str]:
    """Put host and command into the words of a remote shell; the command stays one word."""
    return [word.replace("{host}", host).replace("{command}", command) for word in template]


if __name__ == "__main__":
    _template, _host = json.loads(sys.argv[1]), sys.argv[2]
    _words = fill(_template, host=_host, command=" ".join(sys.argv[4:]))
    os.execvp(_words[0], _words)
