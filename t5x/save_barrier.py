"""Where the hosts of a job wait for each other while they save."""

from __future__ import annotations

import sys

import orbax.checkpoint as ocp


class SaveBarrier:
    """Orbax's barrier, at which a host whose own part of a save has failed does not wait.

    Orbax's thread of such a host comes, while its error is on the way, to the barrier that ends
    every save; those of the others wait at the one before, for what it has not written. All of them
    would stand there for ten minutes. The error is raised at once instead: the host ends with it,
    and so do the others.

    Attributes:
        has_failed: whether this host has not waited.
    """

    def __init__(self) -> None:
        self.has_failed = False
        self._wait = ocp.multihost.get_barrier_sync_fn()

    def __call__(self, *, key: str, timeout_ms: int) -> None:
        """Returns when all have come here.

        Args:
            key: of the barrier.
            timeout_ms: that they have for it.

        Raises:
            Exception: what is being handled when this is called.
        """
        error = sys.exception()
        if error is not None:
            self.has_failed = True
            raise error
        self._wait(key=key, timeout_ms=timeout_ms)
