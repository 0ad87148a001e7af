"""From a molecule to its description."""

from tasks.factory import register

TASKS = register("mol2text", "molecules", inputs=["smiles"], targets=["description"])
