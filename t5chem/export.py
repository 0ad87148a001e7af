"""From a run to a model folder: `export_run`."""

from __future__ import annotations

import dataclasses
import os

from t5chem.model_folder import HF_GENERATION, LoadedModel, save_model_folder
from t5chem.run_model import load_run


def export_run(
    model_dir: str | os.PathLike[str], out: str | os.PathLike[str], step: int | None = None
) -> None:
    """Writes a checkpoint of a run as a model folder, which `transformers` reads as we do.

    The folder asks for as many beams as the run's own evaluation, scored as `transformers` scores
    them.

    Args:
        model_dir: of the run; also a `checkpoint_<step>` itself.
        out: the folder to write.
        step: which checkpoint; None takes the newest whole one.

    Raises:
        ModelFolderError: there is no such checkpoint, it is damaged, or `transformers` has no
            such network.
    """
    save_model_folder(as_hf(load_run(model_dir, step)), out)


def as_hf(model: LoadedModel) -> LoadedModel:
    """Returns the model with the beams of `transformers`, as many as it had.

    Args:
        model: of either semantics.
    """
    generation = {**HF_GENERATION, "num_beams": model.generation["num_beams"]}
    return dataclasses.replace(model, beam_semantics="hf", generation=generation)
