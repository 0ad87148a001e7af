"""Jobs of several processes on the loopback address: several hosts of one device each."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOGETHER_SECONDS = 60
"""Once one has ended, so long at most until all have."""


class Job:
    """Processes that compute together, and what they print.

    Args:
        processes: by their number in the job.
        outputs: file of each.
    """

    def __init__(self, processes: list[subprocess.Popen], outputs: list[Path]) -> None:
        self.processes = processes
        self._outputs = outputs

    def printed(self, index: int) -> str:
        return self._outputs[index].read_text()

    def kill(self, index: int, number: signal.Signals) -> None:
        os.kill(self.processes[index].pid, number)

    def codes(self, timeout: float) -> list[int]:
        """Waits for all and returns their exit codes."""
        end = time.monotonic() + timeout
        for process in self.processes:
            process.wait(timeout=max(0.1, end - time.monotonic()))
        return [process.returncode for process in self.processes]

    def finish(self) -> str:
        """Waits until all have ended well, and returns what the first printed."""
        codes = self.codes(timeout=600)
        everything = "\n\n".join(map(self.printed, range(len(self.processes))))
        assert codes == [0] * len(codes), everything[-6000:]
        return self.printed(0)

    def wait_for(self, path: Path, timeout: float = 300) -> None:
        """Returns when a file is there."""
        end = time.monotonic() + timeout
        while not path.exists():
            running = [process.poll() is None for process in self.processes]
            assert all(running), [self.printed(i)[-3000:] for i in range(len(running))]
            assert time.monotonic() < end, f"no {path} after {timeout} s"
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@contextlib.contextmanager
def job(folder: Path, count: int, *command: str, **environ: str) -> Iterator[Job]:
    """Starts processes, each with the flags that tell it its number; none outlives the block.

    Args:
        folder: for what they print.
        count: how many; one alone gets no flags.
        command: after `python`.
        environ: set for all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    outputs = [folder / f"printed-{index}.txt" for index in range(count)]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=1", **environ}
    processes = []
    try:
        for index, output in enumerate(outputs):
            flags = (
                "--multiprocess_gpu",
                f"--coordinator_address=127.0.0.1:{port}",
                f"--process_count={count}",
                f"--process_index={index}",
            )
            with output.open("w") as file:
                process = subprocess.Popen(
                    [sys.executable, *command, *(flags if count > 1 else ())],
                    cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True,
                )  # fmt: skip
            processes.append(process)
        yield Job(processes, outputs)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
