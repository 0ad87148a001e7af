"""Which tensor of a checkpoint each tensor of a run is restored from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import jax
from absl import logging

from t5x.errors import ConfigError

AssignmentMap = Sequence[tuple[str, str | None]]
"""Pairs of (regular expression for our tensor's whole name, its name in the checkpoint)."""

LISTED = 6


def find_sources(
    targets: Mapping[str, jax.ShapeDtypeStruct],
    found: Mapping[str, jax.ShapeDtypeStruct],
    checkpoint: str,
    assignment_map: AssignmentMap | None = None,
    strict: bool = True,
) -> dict[str, str]:
    r"""Returns our name -> name in the checkpoint; names left out keep their initial value.

    Args:
        targets: what the run has, by name.
        found: what the checkpoint has, by name.
        checkpoint: its path, for messages.
        assignment_map: the first pattern that matches all of our name decides; the replacement
            may refer to groups of the match (`\1`); None keeps the initial value.
        strict: everything must be in the checkpoint, and without an `assignment_map` nothing more.

    Raises:
        ConfigError: names or shapes differ.

    Example:
        >>> scale = jax.ShapeDtypeStruct((2,), "float32")
        >>> find_sources({"target/a/scale": scale, "target/b/scale": scale},
        ...              {"target/old_a/scale": scale}, "checkpoint_1",
        ...              [(r"target/a/(.*)", r"target/old_a/\1"), (r"target/b/.*", None)])
        {'target/a/scale': 'target/old_a/scale'}
    """
    wanted = _mapped(list(targets), assignment_map or ())
    missing = {ours: theirs for ours, theirs in wanted.items() if theirs not in found}
    sources = {ours: theirs for ours, theirs in wanted.items() if theirs in found}
    unused = sorted(set(_comparable(targets, found)) - set(wanted.values()))
    problems = [
        f"{_named(ours, theirs)}: {found[theirs].shape} in the checkpoint, "
        f"{targets[ours].shape} in the model"
        for ours, theirs in sources.items()
        if found[theirs].shape != targets[ours].shape
    ]
    if strict:
        problems += [
            f"{_named(ours, theirs)}: absent from the checkpoint, "
            f"{targets[ours].shape} in the model"
            for ours, theirs in missing.items()
        ]
    if strict and not assignment_map:
        problems += [
            f"{name}: {found[name].shape} in the checkpoint, absent from the model"
            for name in unused
        ]
    if problems:
        raise ConfigError(_mismatch(problems, checkpoint), "RestoreCheckpointConfig.path")
    if unused:
        logging.warning("%s: not used: %s", checkpoint, shortened(unused))
    if kept := [name for name in targets if name not in sources]:
        logging.warning("%s: these keep their initial value: %s", checkpoint, shortened(kept))
    return sources


def _mapped(names: Sequence[str], assignment_map: AssignmentMap) -> dict[str, str]:
    """Returns our name -> name in the checkpoint, without those that keep their initial value."""
    wanted = {}
    idle = {pattern for pattern, _ in assignment_map}
    for name in names:
        for pattern, replacement in assignment_map:
            if match := re.fullmatch(pattern, name):
                idle.discard(pattern)
                if replacement is not None:
                    wanted[name] = match.expand(replacement)
                break
        else:
            wanted[name] = name
    for pattern in sorted(idle):
        logging.warning("assignment_map: %r matches no tensor of the model", pattern)
    return wanted


def _comparable(targets: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """Names in the checkpoint without the optimizer's state if the run wants none of it."""
    optimizer = "state/param_states/"
    if any(name.startswith(optimizer) for name in targets):
        return list(found)
    return [name for name in found if not name.startswith(optimizer)]


def _named(ours: str, theirs: str) -> str:
    return ours if ours == theirs else f"{ours} (from {theirs})"


def _mismatch(problems: Sequence[str], checkpoint: str) -> str:
    return (
        f"{checkpoint} does not fit the model and its optimizer:\n"
        + listed(problems)
        + "\nTo restore the rest, let RestoreCheckpointConfig.assignment_map name the tensors that "
        "keep their initial value, such as (('state/param_states/.*', None),) for another "
        "optimizer, or set strict = False for missing and further ones. A run whose own "
        "checkpoints no longer fit needs another MODEL_DIR."
    )


def listed(problems: Sequence[str]) -> str:
    """Returns the first few problems, a line each, and how many more there are.

    Example:
        >>> print(listed(list("abcdefgh")).splitlines()[-1])
          and 2 more
    """
    lines = [f"  {problem}" for problem in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"  and {len(problems) - LISTED} more")
    return "\n".join(lines)


def shortened(names: Sequence[str]) -> str:
    """Returns the first few names, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
