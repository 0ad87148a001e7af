"""From a description to the molecule it describes."""

from tasks.factory import register

TASKS = register("text2mol", "molecules", inputs=["description"], targets=["smiles"])
