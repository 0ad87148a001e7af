"""Changing a procedure and its actions together.

What is rewritten is a *literal*: a number with its unit, to the letter, that stands in a slot of an
action (`1.20 g` of a chemical, `80 °C` of STIR) and in the paragraph. It is replaced everywhere in
both, or, when that is not certain, nothing is replaced anywhere:

* the actions must parse, and print to the text that they were;
* the paragraph must hold every literal, as a token of its own, and nowhere as part of another;
* the paragraph must not hold the same quantity written otherwise (`80°C` beside `80 °C`);
* the actions must hold it in such slots alone, not in a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from t5chem.actions import Action, ActionSyntaxError, Chemical, parse_actions, print_actions

_NUMERAL = tuple("0123456789.,")


@dataclass(frozen=True)
class Literals:
    """A kind of literal.

    Attributes:
        pattern: matches it in running text, and only where it is a token of its own.
        key: what it means; equal for two ways of writing the same.
        slots: returns the texts of an action that may be such a literal.
        in_slots: replaces them, each by what a function returns for it.
    """

    pattern: re.Pattern[str]
    key: Callable[[re.Match[str]], Hashable]
    slots: Callable[[Action], list[str]]
    in_slots: Callable[[Action, Callable[[str], str]], Action]


@dataclass(frozen=True)
class Procedure:
    """A paragraph with its actions, read for one kind of literal.

    Attributes:
        paragraph: the text.
        answer: the actions as text.
        actions: parsed.
        kind: of literal.
        literals: those that stand in slots, and how often.
    """

    paragraph: str
    answer: str
    actions: tuple[Action, ...]
    kind: Literals
    literals: Mapping[str, int]

    @classmethod
    def read(cls, paragraph: str, answer: str, kind: Literals) -> Procedure | None:
        """Reads a procedure; None when the answer is no action string as `print_actions` writes."""
        try:
            actions = tuple(parse_actions(answer))
        except ActionSyntaxError:
            return None
        if print_actions(actions) != answer:
            return None
        texts = (text for action in actions for text in kind.slots(action))
        literals = Counter(text for text in texts if kind.pattern.fullmatch(text))
        return cls(paragraph, answer, actions, kind, literals)

    def rewritten(self, new: Mapping[str, str]) -> tuple[str, str] | None:
        """Returns paragraph and answer with literals replaced; None when that is not certain.

        Args:
            new: for each literal to replace, what to write instead.
        """
        if not new or not self._are_certain(new):
            return None

        def exchanged(text: str) -> str:
            return new.get(text, text)

        paragraph = self.kind.pattern.sub(lambda found: exchanged(found[0]), self.paragraph)
        actions = [self.kind.in_slots(action, exchanged) for action in self.actions]
        answer = print_actions(actions)
        return (paragraph, answer) if parse_actions(answer) == actions else None

    def _are_certain(self, literals: Iterable[str]) -> bool:
        tokens = Counter[str]()
        spellings: dict[Hashable, set[str]] = {}
        for token in self.kind.pattern.finditer(self.paragraph):
            tokens[token[0]] += 1
            spellings.setdefault(self.kind.key(token), set()).add(token[0])
        ambiguous = {text for texts in spellings.values() if len(texts) > 1 for text in texts}
        return all(
            literal not in ambiguous
            and 0 < tokens[literal] == _count(literal, self.paragraph)
            and self.literals[literal] == _count(literal, self.answer)
            for literal in literals
        )


def _count(literal: str, text: str) -> int:
    """Counts a literal wherever it stands, but `5 mL` not in `25 mL`."""
    parts = text.split(literal)
    return sum(not part.endswith(_NUMERAL) for part in parts[:-1])


def mapped_chemicals(action: Action, change: Callable[[Chemical], Chemical]) -> Action:
    """Returns an action with each of its chemicals changed."""
    changed: dict[str, Any] = {}
    for slot in action.slots:
        value = getattr(action, slot.field)
        if isinstance(value, Chemical):
            changed[slot.field] = change(value)
        elif slot.kind == "chemicals":
            changed[slot.field] = tuple(change(chemical) for chemical in value)
    return replace(action, **changed)
