"""From molecules to molecules: the two directions of a reaction."""

from tasks.factory import register

FORWARD_TASKS = register(
    "forward", "reactions", inputs=["reactants", "reagents"], targets=["products"]
)
RETROSYNTHESIS_TASKS = register(
    "retrosynthesis", "reactions", inputs=["products"], targets=["reactants", "reagents"]
)
TASKS = [*FORWARD_TASKS, *RETROSYNTHESIS_TASKS]
