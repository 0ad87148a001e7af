"""Text+Chem T5: one multi-task T5 that speaks chemistry and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t5chem.predictor import Predictor

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    # JAX and RDKit take seconds to import: only who predicts pays for them.
    if name == "Predictor":
        from t5chem.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
