"""From text to text: the actions that an experimental paragraph describes."""

from tasks.factory import register

TASKS = register("paragraph2actions", "procedures", inputs=["paragraph"], targets=["actions"])
