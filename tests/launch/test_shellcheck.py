"""Every shell script passes shellcheck."""

import shutil
import subprocess

import pytest

from tests.launch.stubs import LAUNCH, ROOT

SCRIPTS = [*LAUNCH.rglob("*.sh"), *LAUNCH.rglob("*.sbatch"), ROOT / ".ci" / "run"]


def test_shellcheck_finds_nothing():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: pip install -e '.[dev]' brings it")
    result = subprocess.run(["shellcheck", *SCRIPTS], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stop_at_errors(script):
    if script.name == "common.sh":
        pytest.skip("is sourced by the others")
    assert "\nset -euo pipefail\n" in script.read_text()
