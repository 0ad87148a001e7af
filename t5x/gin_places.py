"""Where every setting was made: gin itself forgets the file and line of a binding."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tokenize
from collections.abc import Sequence
from typing import Any

from gin import config_parser

COMMAND_LINE = "the command line"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a binding stands.

    Attributes:
        source: `gin/tiny.gin, line 20`, or `the command line`.
        text: the line, such as `BATCH_SIZE = 8`.
        macro: the macro that is its whole value, if it is one.
        value: the value as gin writes it, whatever lines and comments it stands on.
    """

    source: str
    text: str
    macro: str | None = None
    value: str = ""

    def __str__(self) -> str:
        return f"{self.text}   ({self.source})"


class Places:
    """The bindings of a configuration and the macros that it reads.

    Attributes:
        bindings: the last place of every setting, by `scope/selector.argument` or macro.
        readers: the first place that reads a macro, by macro.
        imports: the names that files import.
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Place] = {}
        self.readers: dict[str, Place] = {}
        self.imports: set[str] = set()

    @property
    def selectors(self) -> set[str]:
        """The configurables that are bound, such as `utils.DatasetConfig` and `DatasetConfig`."""
        names = {key.rpartition("/")[2].rpartition(".")[0] for key in self.bindings}
        return {name for full in names if full for name in (full, full.rpartition(".")[2])}

    @property
    def macros(self) -> set[str]:
        """The macros that are set or read."""
        return {key for key in self.bindings if "." not in key} | set(self.readers)

    def of(self, setting: str) -> Place | None:
        """Returns where a setting was made last, macros followed to their own bindings.

        Args:
            setting: a macro, or `Class.argument` with or without scope and module.
        """
        scope, _, name = setting.rpartition("/")
        found = None
        for key, place in self.bindings.items():
            key_scope, _, key_name = key.rpartition("/")
            same_scope = not scope or scope == key_scope
            if same_scope and (key_name == name or key_name.endswith(f".{name}")):
                found = place
        seen = set()
        while found is not None and found.macro in self.bindings and found.macro not in seen:
            seen.add(found.macro)
            found = self.bindings[found.macro]
        return found

    def of_class(self, name: str) -> list[Place]:
        """Returns where the arguments of a class or function were set, macros followed."""
        keys = [key for key in self.bindings if name in key.rpartition("/")[2].split(".")[:-1]]
        return list(dict.fromkeys(place for key in keys if (place := self.of(key))))


def find_places(
    search_paths: Sequence[str], files: Sequence[str], bindings: Sequence[str]
) -> Places:
    """Reads gin files for the places alone; stops, without complaint, where gin will complain.

    Args:
        search_paths: folders that relative files are looked for in.
        files: as given to gin.
        bindings: of the command line.
    """
    places = Places()
    with contextlib.suppress(SyntaxError, tokenize.TokenError, OSError, UnicodeDecodeError):
        for file in files:
            _read_file(places, search_paths, file)
        for binding in bindings:
            _read(places, search_paths, binding, COMMAND_LINE)
    return places


def _read_file(places: Places, search_paths: Sequence[str], file: str) -> None:
    for folder in search_paths:
        path = os.path.join(folder, file)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                _read(places, search_paths, stream.read(), file)
            return


class _Delegate(config_parser.ParserDelegate):
    """Resolves nothing."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Any:
        return _Reference(f"@{scoped_configurable_name}{'()' if evaluate else ''}")

    def macro(self, macro_name: str) -> Any:
        return _Macro(macro_name)


class _Reference(str):
    """The value `@name` or `@name()`."""

    def __repr__(self) -> str:
        return str(self)


class _Macro(str):
    """The value `%NAME`."""

    def __repr__(self) -> str:
        return f"%{self}"


def _read(places: Places, search_paths: Sequence[str], text: str, source: str) -> None:
    for statement in config_parser.ConfigParser(text, _Delegate()):
        if isinstance(statement, config_parser.IncludeStatement):
            _read_file(places, search_paths, statement.filename)
        elif isinstance(statement, config_parser.ImportStatement):
            places.imports.add(statement.bound_name())
        elif isinstance(statement, config_parser.BindingStatement):
            _note(places, statement, source)


def _note(places: Places, statement: config_parser.BindingStatement, source: str) -> None:
    scope, selector, argument, value, location = statement
    key = ".".join(part for part in (selector, argument) if part)
    key = f"{scope}/{key}" if scope else key
    macro = str(value) if isinstance(value, _Macro) else None
    where = source if source == COMMAND_LINE else f"{source}, line {location.line_num}"
    place = Place(where, location.line_content.strip(), macro, repr(value))
    places.bindings.pop(key, None)  # the last binding of all comes last
    places.bindings[key] = place
    for name in _macros_in(value):
        places.readers.setdefault(name, place)


def _macros_in(value: Any) -> list[str]:
    if isinstance(value, _Macro):
        return [str(value)]
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        return [name for item in value for name in _macros_in(item)]
    return []
