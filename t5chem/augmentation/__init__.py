"""Seeded augmentation: other inputs with the same answer, or input and answer changed together.

`augment` is the interface; `AUGMENTATIONS` names what there is and the tasks it applies to.
`docs/augmentation.md` shows each with an example and its cost.
"""

from __future__ import annotations

from t5chem.augmentation.augmenting import AUGMENTATIONS, augment

__all__ = ["AUGMENTATIONS", "augment"]
