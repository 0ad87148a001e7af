"""Huge pages for the temporaries of a step on a CPU.

XLA asks malloc for them anew at every step, and the system fills in a hundred megabytes page by
page. With pages of 2 MiB instead of 4 KiB a step of the tiny model takes a seventh less processor
time (`benchmarks/cpu_settings.py`).
"""

from __future__ import annotations

import os
import sys

VARIABLE = "GLIBC_TUNABLES"


def use_huge_pages() -> None:
    """Starts this process again, once, with glibc's malloc asking Linux for huge pages.

    glibc reads the setting when a process begins, so call this before anything slow is imported.
    Does nothing on other systems, or where the user has set `GLIBC_TUNABLES`. Libraries other than
    glibc take no notice of it.
    """
    if sys.platform == "linux" and VARIABLE not in os.environ:
        os.environ[VARIABLE] = "glibc.malloc.hugetlb=1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
