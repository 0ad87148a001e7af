"""What gin, and what it constructs, complain of: said with the place and the remedy."""

from __future__ import annotations

import inspect
import os
import re
import sys
import tokenize
import traceback
from collections.abc import Callable
from typing import Any

import gin

from t5x.errors import ConfigError, did_you_mean
from t5x.gin_places import Places

Match = re.Match[str]

_COMMANDS = {"train", "evaluate", "infer"}
_CALL = re.compile(r"\n  In call to configurable '(\w+)'")
_PLACE = re.compile(r'\n  In (?:file "(?P<file>[^"]+)",|bindings string) line (?P<line>\d+)\n(.*)')


def explain(error: Exception, places: Places) -> ConfigError | None:
    """Returns what an exception means to the person who wrote the configuration.

    Args:
        error: raised while gin read the configuration or called what it configures.
        places: of the bindings, as far as they have been read.

    Returns:
        None when the exception is none of those known here: then it is a bug.
    """
    if isinstance(error, SyntaxError | tokenize.TokenError):
        return _syntax(error)
    text = str(error)
    for kind, pattern, message in _KNOWN:
        match = re.search(pattern, text) if isinstance(error, kind) else None
        if match:
            return ConfigError(message(match, places) + _place_in(text))
    return _construction(error, text, places)


def _place_in(text: str) -> str:
    """The innermost place that gin names, on a line of its own."""
    match = _PLACE.search(text)
    if match is None:
        return ""
    source = f"{match['file']}, line {match['line']}" if match["file"] else "the command line"
    return f"\n  {match[3].strip()}   ({source})"


def _syntax(error: Exception) -> ConfigError | None:
    location = error.args[1] if len(error.args) > 1 else None
    what = str(error.args[0] if error.args else error).splitlines()[0].rstrip(".")
    file = getattr(location, "filename", None)
    content = getattr(location, "line_content", "").strip()
    if isinstance(error, SyntaxError) and not content:
        return None  # of a Python module
    source = f"{file}, line {location.line_num}" if file and location else "the command line"
    place = f"\n  {content}   ({source})" if content else _place_in(str(error))
    return ConfigError(
        f"This is not gin: {what}. Strings need quotation marks (within the shell's, on the "
        f"command line), and brackets must close.{place}"
    )


def _missing_file(match: Match, places: Places) -> str:
    folders = "".join(dict.fromkeys(f"\n  {path or '.'}" for path in _strings(match[2])))
    return (
        f"No gin file is called {match[1]!r}. Looked in the folders{folders}\n"
        "Give a path from one of them, or another folder with --gin_search_paths."
    )


def _strings(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _unknown_attribute(match: Match, places: Places) -> str:
    selector, owner, name = match[1], match[2], match[3]
    module = sys.modules.get(owner)
    return f"{selector!r} does not exist: {owner} has no {name!r}.{_hint(name, vars(module or re))}"


def _hint(name: str, known: Any) -> str:
    return did_you_mean(name, [n for n in known if not n.startswith("_")])


def _not_imported(match: Match, places: Places) -> str:
    return (
        f"{match[1]!r} is not imported.{_hint(match[1], places.imports)} With dynamic registration "
        "every gin file imports what it names, such as `from t5x import utils`."
    )


def _unknown_argument(match: Match, places: Places) -> str:
    selector, name = match[1], match[2]
    known = _arguments(selector)
    listed = f" Its arguments: {', '.join(known)}." if known else ""
    return f"{selector!r} has no argument {name!r}.{_hint(name, known)}{listed}"


def _arguments(selector: str) -> list[str]:
    configurable = gin.get_configurable(selector)
    if inspect.isclass(configurable):
        configurable = configurable.__mro__[1]  # gin configures a subclass of its own making
    return [name for name in inspect.signature(configurable).parameters if name != "self"]


def _unknown_configurable(match: Match, places: Places) -> str:
    name = match[1]
    hint = _hint(name, places.selectors - {name})
    return (
        f"Nothing that gin can configure is called {name!r}.{hint} A gin file imports what it "
        "names, after `from __gin__ import dynamic_registration`; the command line knows what the "
        "files name."
    )


def _required(match: Match, places: Places) -> str:
    name = match[1].removesuffix("/macro.value")
    asked = places.bindings.get(name)
    reader = places.readers.get(name)
    where = f"\n  {asked}" if asked else ""
    where += f"\n  {reader}" if reader else ""
    flag = f"--gin.{name}=..." if "/" not in name and "." not in name else f"{name} = ..."
    return (
        f"{name} must be set and is not. Set it after the include that asks for it, or on the "
        f"command line with {flag} (strings in quotation marks of their own).{where}"
    )


def _unbound_macro(match: Match, places: Places) -> str:
    name = match[1]
    reader = places.readers.get(name)
    where = f"\n  {reader}" if reader else ""
    hint = did_you_mean(name, places.macros - {name})
    return f"%{name} is read and nowhere set.{hint} Set it with --gin.{name}=...{where}"


def _missing_arguments(match: Match, places: Places) -> str:
    names = ", ".join(_strings(match["names"]))
    return (
        f"{match['what']} needs {names}, which the configuration does not set. Set it in the gin "
        f"file: `{match['what']}.{_strings(match['names'])[0]} = ...`."
    )


def _missing_module(match: Match, places: Places) -> str:
    return (
        f"Python cannot find the module {match[1]!r} while it imports what a gin file names."
        f"{_hint(match[1], list(sys.modules))} Install the package that holds it, or run from the "
        "folder above it."
    )


def _construction(error: Exception, text: str, places: Places) -> ConfigError | None:
    """A complaint of what gin was constructing for a command, which had not begun yet."""
    calls = _CALL.findall(text)
    if not isinstance(error, ValueError) or not calls or set(calls) & _COMMANDS:
        return None
    frame = traceback.extract_tb(error.__traceback__)[-1]
    lines = [str(place) for place in places.of_class(calls[0])]
    below = "".join(f"\n  {line}" for line in lines)
    return ConfigError(
        f"{text[: _CALL.search(text).start()]}\n"  # type: ignore[union-attr]
        f"  ({os.path.basename(frame.filename)}, line {frame.lineno}, for {calls[0]}){below}"
    )


_KNOWN: tuple[tuple[type[Exception], str, Callable[[Match, Places], str]], ...] = (
    (OSError, r"Unable to open file: (.+?)\. Searched config paths: (.*?)\]\.", _missing_file),
    (
        AttributeError,
        r"Couldn't resolve selector (\S+); <module '([^']+)'.*> has no attribute (\w+)",
        _unknown_attribute,
    ),
    (NameError, r"'(\w+)' was not provided by an import statement", _not_imported),
    (
        ValueError,
        r"Configurable '([^']+)' doesn't have a parameter named '(\w+)'",
        _unknown_argument,
    ),
    (ValueError, r"No configurable matching (?:reference )?'@?([\w./]+)", _unknown_configurable),
    (ValueError, r"(\S+) set to `%gin\.REQUIRED` but not subsequently", _required),
    (ValueError, r"No bindings specified for '(.+?)/gin\.macro'", _unbound_macro),
    (
        RuntimeError,
        r"Required bindings for `(?P<what>[\w./]+)` not provided in config: (?P<names>\[.+?\])",
        _missing_arguments,
    ),
    (
        TypeError,
        r"(?s)No values supplied by Gin or caller for arguments: (?P<names>\[.+?\])"
        r".*?In call to configurable '(?P<what>\w+)'",
        _missing_arguments,
    ),
    (ImportError, r"^No module named '([^']+)'\n  In ", _missing_module),
)
"""Kind of exception, pattern of its text, and what it means."""
