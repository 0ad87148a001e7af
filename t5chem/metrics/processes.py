"""Work on rows over several processes, the results in the rows' order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final, TypeVar

Row = TypeVar("Row")
Answer = TypeVar("Answer")

# Rows that travel to a process together, and the rows for which starting one (two seconds) pays.
_CHUNK: Final = 32
_WORTHWHILE: Final = 256


def map_in_order(
    function: Callable[[Row], Answer], rows: Sequence[Row], processes: int = 1
) -> Iterator[Answer]:
    """Yields `function` of every row, in order, as soon as it and all before it are there.

    Args:
        function: of a module's top level, so that a process can find it.
        rows: what it is called with.
        processes: how many share the work. With more than one, a script must guard its own work
            with `if __name__ == "__main__":`, as Python's multiprocessing asks.

    Raises:
        ValueError: `processes` is below 1.

    Example:
        >>> list(map_in_order(len, ["CC", "", "C"]))
        [2, 0, 1]
    """
    if processes < 1:
        raise ValueError(f"processes is {processes}: at least 1.")
    if processes == 1 or len(rows) < _WORTHWHILE:
        yield from map(function, rows)
        return
    # Spawned rather than forked: the parent may hold threads (JAX, TensorFlow). A worker that dies
    # raises BrokenProcessPool here, where a multiprocessing.Pool would wait for ever.
    spawn = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, mp_context=spawn)
    try:
        yield from executor.map(function, rows, chunksize=_CHUNK)
    finally:
        executor.shutdown(cancel_futures=True)
