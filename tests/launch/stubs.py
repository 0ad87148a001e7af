"""Programs that stand in for gcloud, kubectl, srun and others: they record, and play a scene."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "launch"

# Separates recorded words, which may hold blanks and quotation marks.
UNIT = "\x1f"

PLAYER = r"""#!/usr/bin/env bash
printf -v call '\x1f%s' "$@"
echo "${0##*/}$call" >>"$STUBS/calls" # in one write, as others may write too
for rule in "$STUBS/rules/${0##*/}"/*; do
  [[ -d $rule && "$*" == $(<"$rule/pattern") ]] || continue
  times=$(cat "$rule/times" 2>/dev/null || echo 0)
  echo $((times + 1)) >"$rule/times"
  while [[ ! -e $rule/$times ]]; do ((times -= 1)); done
  . "$rule/$times"
  exit
done
"""


class Stubs:
    """Programs of our own on PATH.

    Args:
        folder: empty, for the programs, their rules and their record.
        programs: their names; without a rule they succeed and print nothing.
    """

    def __init__(self, folder: Path, *programs: str) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for program in programs:
            (folder / "rules" / program).mkdir(parents=True)
            file = folder / "bin" / program
            file.write_text(PLAYER)
            file.chmod(0o755)

    def on(self, program: str, pattern: str, *answers: str) -> None:
        """Has a program answer a call: the first time with the first answer, ..., then the last.

        Args:
            program: its name.
            pattern: what all its words match, as bash matches; the first rule that does counts.
            answers: lines of bash.
        """
        rules = self.folder / "rules" / program
        rule = rules / f"{len(list(rules.iterdir())):02d}"
        rule.mkdir()
        (rule / "pattern").write_text(pattern)
        for index, answer in enumerate(answers):
            (rule / str(index)).write_text(answer)

    def calls(self, program: str | None = None) -> list[list[str]]:
        """Returns the words of each call, in order; of one program, or of all with their names."""
        record = self.folder / "calls"
        lines = record.read_text().splitlines() if record.exists() else []
        words = [line.split(UNIT) for line in lines]
        return words if program is None else [call[1:] for call in words if call[0] == program]

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "STUBS": str(self.folder), **variables}

    def run(
        self, *command: str | Path, seconds: float = 60, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, with the programs on its PATH."""
        return subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, timeout=seconds, cwd=self.folder,
            env=self.environment(**variables),
        )  # fmt: skip

    def start(self, *command: str | Path, **variables: str) -> subprocess.Popen[str]:
        """Starts a command as a terminal would: Ctrl-C comes to it and not to the tests."""
        return subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
            env=self.environment(**variables), start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Returns when something has become true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.calls()
            time.sleep(0.02)

    def wait_for_call(self, *words: str) -> None:
        """Returns when a call with these words was recorded."""
        self.wait_for(lambda: any(set(words) <= set(call) for call in self.calls()))
