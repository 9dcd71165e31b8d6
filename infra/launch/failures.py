"""What a launch raises.

Example::

    raise LaunchError("training rank 1 on node-b ended with exit code -9. …")
"""

from infra.failures import StageFailedError


class LaunchError(StageFailedError):
    """Ranks died or were not started; the message holds host, rank, exit code, last words and advice."""
