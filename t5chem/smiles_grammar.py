"""Which symbol of a SMILES may follow which: a finite automaton over characters.

It knows atoms, bonds, ring-bond numbers and everything inside a bracket, but counts nothing: that
every branch and ring is closed is `t5chem.constrained`'s to see to.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import numpy as np
from jaxtyping import Int

_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br"
    " Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho"
    " Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es"
    " Fm Md No Lr b c n o p s se as"
)
ELEMENTS: Final = frozenset(_ELEMENTS.split())
ORGANIC: Final = ("B", "C", "N", "O", "P", "S", "F", "I", "Cl", "Br", "b", "c", "n", "o", "p", "s")
BONDS: Final = "-=#:/\\"
SEPARATORS: Final = ".~"  # between molecules, and between the ions of one compound

# What the last symbol was. The first nine are outside brackets.
START, ATOM, RING, OPEN, CLOSE, RING_BOND, CHAIN_BOND, END, DEAD = range(9)
"""Nothing yet or a separator; an atom; a ring-bond number; `(`; `)`; a bond that an atom or a
ring-bond number may follow; a bond that only an atom may follow; the end; what no SMILES has."""

_ISOTOPE_DIGITS: Final = 3


@functools.cache
def bracket_states() -> dict[str, int]:
    """Returns the states inside a bracket, by name; they are numbered after the others."""
    letters = sorted({symbol[0] for symbol in ELEMENTS})
    names = ["[", *(f"isotope{n}" for n in range(1, _ISOTOPE_DIGITS + 1)), *letters]
    names += ["element", "@", "@@", "hydrogen", "hydrogens", "sign", "signs"]
    return {name: DEAD + 1 + place for place, name in enumerate(names)}


def step(state: int, character: str) -> int:
    """Returns the state after one character, `DEAD` if it may not stand there."""
    inside = bracket_states()
    if state > DEAD:
        return _inside_bracket(state, character)
    if state in (END, DEAD):
        return DEAD
    if character == "[":
        return inside["["]
    follows_atom = state in (ATOM, RING, CLOSE)
    if character in ORGANIC:
        return ATOM
    if character in BONDS and (follows_atom or state == OPEN):
        return RING_BOND if state in (ATOM, RING) else CHAIN_BOND
    if character in "()" and follows_atom:
        return OPEN if character == "(" else CLOSE
    if character in SEPARATORS and follows_atom:
        return START
    return DEAD


def after_symbol(state: int, symbol: str) -> int:
    """Returns the state after one symbol: an atom, a ring-bond number, or a single character.

    Example:
        >>> after_symbol(START, "[C@@H]") == ATOM, after_symbol(OPEN, "%12") == DEAD
        (True, True)
    """
    if ring_number(symbol) is not None and state <= DEAD:
        return RING if state in (ATOM, RING, RING_BOND) else DEAD
    if symbol in ("Cl", "Br") and state <= DEAD:
        return step(state, "C") if step(state, "C") == ATOM else DEAD
    for character in symbol:
        state = step(state, character)
    return state


def ring_number(symbol: str) -> int | None:
    """Returns the number of a ring bond, `1` or `%12`; None when `symbol` is something else."""
    digits = symbol.removeprefix("%")
    is_number = digits.isdecimal() and digits.isascii()
    return int(digits) if is_number and len(digits) == (2 if symbol[0] == "%" else 1) else None


def is_symbol(text: str) -> bool:
    """Tells whether `text` is one symbol: all of an atom, or one character of it.

    Example:
        >>> [is_symbol(text) for text in ("Cl", "[nH]", "%10", "(", "CO", "[1", "!", "")]
        [True, True, True, True, False, False, False, False]
    """
    if not text or ring_number(text) is not None or text in ("Cl", "Br"):
        return bool(text)
    if len(text) > 1:
        return text[0] == "[" and text[-1] == "]" and after_symbol(START, text) == ATOM
    states = [*range(DEAD), *bracket_states().values()]
    return any(step(state, text) != DEAD for state in states)


@functools.cache
def symbols_to_atom() -> Int[np.ndarray, " states"]:
    """Returns, for each state, the fewest characters until a bracket is closed; 0 outside one."""
    inside = bracket_states()
    far = 99
    distance = np.zeros(DEAD + 1 + len(inside), np.int32)
    distance[DEAD + 1 :] = far
    characters = sorted({c for symbol in ELEMENTS for c in symbol} | set("@]"))
    for _ in range(6):  # the longest way: `[`, two letters, `]`
        for state in inside.values():
            reached = (step(state, character) for character in characters)
            nearest = min((int(distance[r]) for r in reached if r != DEAD), default=far)
            distance[state] = min(distance[state], 1 + nearest)
    return distance


def _inside_bracket(state: int, character: str) -> int:
    inside = bracket_states()
    name = next(name for name, number in inside.items() if number == state)
    if name == "[" or name.startswith("isotope"):
        return _before_element(name, character)
    if len(name) == 1 and name.isalpha():
        if name + character in ELEMENTS:
            return inside["element"]
        if name not in ELEMENTS:
            return DEAD
        name = "element"
    return {character: after for character, after in _after_element(name)}.get(character, DEAD)


def _before_element(name: str, character: str) -> int:
    inside = bracket_states()
    if character.isdecimal() and character.isascii():
        digits = 0 if name == "[" else int(name[-1])
        if character == "0" and not digits:
            return DEAD  # RDKit reads no isotope that begins with 0
        return inside.get(f"isotope{digits + 1}", DEAD)
    return inside[character] if character.isalpha() and character in inside else DEAD


def _after_element(name: str) -> Iterator[tuple[str, int]]:
    """Yields what may follow an element: chirality, hydrogens, charge, the bracket's end."""
    inside = bracket_states()
    order = ("element", "@", "@@", "hydrogen", "hydrogens", "sign", "signs")
    place = order.index(name)
    yield "]", ATOM
    if name in ("element", "@"):
        yield "@", inside[order[place + 1]]
    if place <= order.index("@@"):
        yield "H", inside["hydrogen"]
    if name == "hydrogen":
        yield from ((digit, inside["hydrogens"]) for digit in "23456789")
    if place <= order.index("hydrogens"):
        yield from ((sign, inside["sign"]) for sign in "+-")
    if name == "sign":
        yield from ((digit, inside["signs"]) for digit in "23456789")
