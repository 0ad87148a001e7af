r"""The action language of synthesis procedures: what a paragraph tells a chemist to do, one line.

    MAKESOLUTION with aniline (1 g) and THF (5 mL); ADD SLN; STIR for 2 hours at 25 °C; FILTER.

The syntax is that of the published paragraph-to-actions data (Vaucher et al., Nature
Communications 2020). Actions are joined with `"; "` and end with `.`. An action is an upper-case
type, then its slots, each with its own marker (` at `, ` over `, ...) and always in the same order.
A chemical is a name and its quantities in parentheses; the name `SLN` is the solution that the
last MAKESOLUTION prepared. Where a name contains what would be read as syntax, U+200C (zero-width
non-joiner) is written inside it: `LiAlH4 \u200c(1 M in THF) (24.4 mL)`, `;\u200c `.

**The 27 types.** We read them as the 24 operations (`Add` to `Yield` below) and three labels for a
sentence that cannot be rendered as operations: FOLLOWOTHERPROCEDURE, INVALIDACTION, OTHERLANGUAGE.
NOACTION is the label of a sentence in which nothing is done, not an action; it is written in the
same place, and is therefore the 28th keyword here. Of these 28, 23 occur in the 106 public
examples; DEGAS, MICROWAVE, PARTITION, SONICATE and TRITURATE do not, and follow the same slots.
"""

from __future__ import annotations

from t5chem.actions.syntax import ActionSyntaxError, parse_actions, print_actions
from t5chem.actions.types import (
    ACTION_TYPES,
    PH,
    SOLUTION,
    Action,
    Add,
    Chemical,
    CollectLayer,
    Concentrate,
    Degas,
    DrySolid,
    DrySolution,
    Extract,
    Filter,
    FollowOtherProcedure,
    InvalidAction,
    MakeSolution,
    Microwave,
    NoAction,
    OtherLanguage,
    Partition,
    PhaseSeparation,
    Purify,
    Quench,
    Recrystallize,
    Reflux,
    SetTemperature,
    Sonicate,
    Stir,
    Triturate,
    Wait,
    Wash,
    Yield,
    chemicals_of,
)

__all__ = [
    "ACTION_TYPES",
    "PH",
    "SOLUTION",
    "Action",
    "ActionSyntaxError",
    "Add",
    "Chemical",
    "CollectLayer",
    "Concentrate",
    "Degas",
    "DrySolid",
    "DrySolution",
    "Extract",
    "Filter",
    "FollowOtherProcedure",
    "InvalidAction",
    "MakeSolution",
    "Microwave",
    "NoAction",
    "OtherLanguage",
    "Partition",
    "PhaseSeparation",
    "Purify",
    "Quench",
    "Recrystallize",
    "Reflux",
    "SetTemperature",
    "Sonicate",
    "Stir",
    "Triturate",
    "Wait",
    "Wash",
    "Yield",
    "chemicals_of",
    "parse_actions",
    "print_actions",
]
