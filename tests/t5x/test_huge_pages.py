"""The train command begins again with huge pages, once, and obeys the user's own setting."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from t5x.huge_pages import use_huge_pages
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), sys.argv[1:], flush=True)
use_huge_pages()
"""


def lines(**environment):
    kept = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    command = [sys.executable, "-c", SCRIPT, "--gin.X='a b'"]
    done = subprocess.run(
        command, env=kept | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux alone")
def test_it_begins_again_once_in_the_same_process_with_the_same_arguments():
    first, second = lines()
    pid = first.split()[0]
    assert first == f"{pid} None [\"--gin.X='a b'\"]"
    assert second == f"{pid} glibc.malloc.hugetlb=1 [\"--gin.X='a b'\"]"


def test_the_users_own_setting_is_left_alone():
    (only,) = lines(GLIBC_TUNABLES="glibc.malloc.arena_max=2")
    assert "glibc.malloc.arena_max=2" in only
