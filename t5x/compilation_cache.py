"""Compiled programs kept from run to run: the second start of a run compiles nothing anew."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import jax
import jaxlib.version


def use_compilation_cache() -> Path | None:
    """Has JAX keep its compiled programs in the user's own cache folder.

    The folder is the user's alone, for whoever may write to it may run code. It is named after the
    JAX release and the processor: what is compiled for one processor may not run on another that
    shares the home folder. JAX's own settings beat it: JAX_COMPILATION_CACHE_DIR names another
    folder, JAX_ENABLE_COMPILATION_CACHE=false uses none.

    Returns:
        The folder; None when it cannot be made or JAX's settings say otherwise.
    """
    chosen = jax.config.values["jax_compilation_cache_dir"]
    if chosen or not jax.config.values["jax_enable_compilation_cache"]:
        return None
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(folder, 0o700)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def cache_folder() -> Path:
    """Returns where compiled programs of this release and processor are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    digest = hashlib.sha256(_processor().encode()).hexdigest()[:8]
    return Path(home) / "t5x" / f"jax-{jax.__version__}-{jaxlib.version.__version__}-{digest}"


def _processor() -> str:
    """The processor's kind and abilities, as far as the system tells them."""
    described = [platform.machine(), platform.processor()]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return " ".join(described)
    kinds = ("model name", "flags", "Features")
    return " ".join(described + sorted({line for line in lines if line.startswith(kinds)}))
