"""A molecule as plain lists, and functional groups counted by walking over its atoms.

The second opinion on `functional_groups.py`: the same definitions without SMARTS.
"""

from __future__ import annotations

from rdkit import Chem


class Walker:
    """A molecule as plain lists: element, hydrogens, charge, and (order, neighbour) of each atom.

    Orders are 1, 2, 3, and 1.5 for aromatic bonds.
    """

    def __init__(self, mol):
        self.mol = mol
        self.atoms = range(mol.GetNumAtoms())
        self.el = [a.GetSymbol() for a in mol.GetAtoms()]
        self.h = [a.GetTotalNumHs() for a in mol.GetAtoms()]
        self.q = [a.GetFormalCharge() for a in mol.GetAtoms()]
        self.ar = [a.GetIsAromatic() for a in mol.GetAtoms()]
        self.nb = [
            [(b.GetBondTypeAsDouble(), b.GetOtherAtomIdx(a.GetIdx())) for b in a.GetBonds()]
            for a in mol.GetAtoms()
        ]
        self.rings = [set(r) for r in mol.GetRingInfo().AtomRings()]

    def to(self, i, elements, order=None):
        """Neighbours of atom i that are one of `elements` (space separated)."""
        wanted = elements.split()
        return [j for o, j in self.nb[i] if self.el[j] in wanted and order in (None, o)]

    def where(self, test):
        return sum(bool(test(i)) for i in self.atoms)

    def oxo(self, i):
        return [j for j in self.to(i, "O", 2) if not self.h[j]]

    def acyl(self, i):
        """C(=O) whose third neighbour is carbon or hydrogen, plus one more."""
        return (
            self.el[i] == "C"
            and self.oxo(i)
            and len(self.nb[i]) + self.h[i] == 3
            and (self.h[i] == 1 or bool(self.to(i, "C")))
        )

    def carbonyl(self, i):
        return self.el[i] == "C" and (self.to(i, "O", 2) or self.to(i, "S", 2))

    def plain(self, i):
        return self.el[i] == "C" and not self.to(i, "O N S P", 2) and not self.to(i, "N", 3)

    def bridge(self, i, element):
        """A two-bonded, uncharged atom between two plain carbons."""
        carbons = self.to(i, "C", 1)
        return (
            self.el[i] == element
            and len(self.nb[i]) == 2
            and not self.h[i]
            and not self.ar[i]
            and len(carbons) == 2
            and all(self.plain(c) for c in carbons)
        )

    def in_ring(self, i, size=None):
        return any(i in r and size in (None, len(r)) for r in self.rings)

    def amine(self, i, hydrogens):
        return (
            self.el[i] == "N"
            and not self.q[i]
            and not self.ar[i]
            and self.h[i] == hydrogens
            and len(self.nb[i]) == 3 - hydrogens
            and all(o == 1 and self.plain(j) for o, j in self.nb[i])
        )

    def amide_n(self, i):
        """An N(H, C, C) that bears one acyl group only."""
        return (
            self.el[i] == "N"
            and self.q[i] == 0
            and not self.ar[i]
            and len(self.nb[i]) + self.h[i] == 3
            and all(self.el[j] == "C" for _, j in self.nb[i])
            and sum(bool(self.carbonyl(j)) for _, j in self.nb[i]) < 2
        )

    def three_h_n(self, i):
        return self.el[i] == "N" and len(self.nb[i]) + self.h[i] == 3 and not self.ar[i]

    def sulfonyl(self, i, test):
        return (
            self.el[i] == "S"
            and len(self.oxo(i)) == 2
            and bool(self.to(i, "C"))
            and any(o == 1 and test(j) for o, j in self.nb[i])
        )

    def hydroxyl(self, i):
        return self.el[i] == "O" and self.h[i] == 1 and len(self.nb[i]) == 1 and not self.q[i]

    def all_carbon_arene(self, i):
        return any(
            i in r and len(r) == 6 and all(self.el[j] == "C" and self.ar[j] for j in r)
            for r in self.rings
        )

    def methyl(self, i):
        return self.el[i] == "C" and self.h[i] == 3 and len(self.nb[i]) == 1

    def branch(self, i, methyls):
        """A carbon with so many methyl groups and one neighbour that is none."""
        return (
            self.el[i] == "C"
            and len(self.nb[i]) == methyls + 1
            and self.h[i] == 3 - methyls
            and all(o == 1 for o, _ in self.nb[i])
            and sum(self.methyl(j) for _, j in self.nb[i]) == methyls
        )

    def pairs(self, test):
        return sum(test(i, o, j) for i in self.atoms for o, j in self.nb[i] if i < j)

    def sharp(self, i, element):
        return self.el[i] == element and bool(self.to(i, "C"))


def _o_single(w, i, test):
    return any(test(j) for o, j in w.nb[i] if o == 1 and w.el[j] == "O")


def is_ester(w, i):
    def alkoxy(o):
        others = [j for j in w.to(o, "C") if j != i]
        return len(w.nb[o]) == 2 and others and w.plain(others[0])

    return w.acyl(i) and any(alkoxy(j) for o, j in w.nb[i] if o != 2 and w.el[j] == "O")


def _carbonic(w, i, first, second):
    """C(=O) between two hetero atoms that pass the tests."""
    if w.el[i] != "C" or w.ar[i] or not w.to(i, "O", 2) or len(w.nb[i]) != 3:
        return False
    a, b = (j for o, j in w.nb[i] if o == 1)
    return (first(a) and second(b)) or (first(b) and second(a))


def _alkoxy_o(w, i, carbon):
    others = [j for j in w.to(i, "C") if j != carbon] if w.el[i] == "O" else []
    return bool(others) and len(w.nb[i]) == 2 and w.plain(others[0])


def alpha_amino_acid(w, i):
    return _carboxy(w, i) and any(
        w.h[c] in (1, 2)
        and all(o == 1 for o, _ in w.nb[c])
        and any(w.el[n] == "N" and w.h[n] == 2 and not w.q[n] for _, n in w.nb[c])
        for c in w.to(i, "C")
    )


def _carboxy(w, i):
    return w.acyl(i) and _o_single(w, i, w.hydroxyl)


def _hydrazone(w, i):
    if w.el[i] != "C" or w.ar[i] or len(w.nb[i]) + w.h[i] != 3:
        return False
    if w.to(i, "N O S", 1):
        return False
    return any(
        len(w.nb[n]) == 2 and any(w.three_h_n(k) for k in w.to(n, "N", 1)) for n in w.to(i, "N", 2)
    )


def _epoxide(w, i):
    return w.el[i] == "O" and any(
        i in r and len(r) == 3 and all(w.el[j] == "C" or j == i for j in r) for r in w.rings
    )


COUNTED = {
    "carboxy group": lambda w: w.where(lambda i: _carboxy(w, i)),
    "carboxylate group": lambda w: w.where(
        lambda i: w.acyl(i) and _o_single(w, i, lambda o: w.q[o] == -1)
    ),
    "sulfo group": lambda w: w.where(lambda i: w.sulfonyl(i, w.hydroxyl)),
    "sulfonate group": lambda w: w.where(
        lambda i: w.sulfonyl(i, lambda j: w.el[j] == "O" and w.q[j] == -1)
    ),
    "boronic acid group": lambda w: w.where(
        lambda i: w.el[i] == "B" and len([j for j in w.to(i, "O") if w.hydroxyl(j)]) == 2
    ),
    "anhydride group": lambda w: w.where(
        lambda i: (
            w.el[i] == "O"
            and not w.ar[i]
            and len(w.nb[i]) == 2
            and all(w.oxo(j) and w.el[j] == "C" for _, j in w.nb[i])
        )
    ),
    "acyl chloride group": lambda w: w.where(
        lambda i: w.acyl(i) and not w.ar[i] and w.to(i, "Cl") and not w.h[i]
    ),
    "sulfonyl chloride group": lambda w: w.where(
        lambda i: w.sulfonyl(i, lambda j: w.el[j] == "Cl")
    ),
    "ester group": lambda w: w.where(lambda i: is_ester(w, i)),
    "carbamate group": lambda w: w.where(
        lambda i: _carbonic(w, i, w.three_h_n, lambda j: _alkoxy_o(w, j, i))
    ),
    "carbonate group": lambda w: w.where(
        lambda i: _carbonic(w, i, lambda j: _alkoxy_o(w, j, i), lambda j: _alkoxy_o(w, j, i))
    ),
    "sulfonate ester group": lambda w: w.where(
        lambda i: w.sulfonyl(i, lambda j: w.el[j] == "O" and len(w.to(j, "C")) == 1)
    ),
    "phosphate group": lambda w: w.where(
        lambda i: (
            w.el[i] == "P"
            and len(w.nb[i]) == 4
            and len(w.to(i, "O", 2)) == 1
            and len(w.to(i, "O", 1)) == 3
            and any(w.to(o, "C") for o in w.to(i, "O", 1))
        )
    ),
    "amide group": lambda w: w.where(
        lambda i: w.acyl(i) and any(w.amide_n(j) for o, j in w.nb[i] if o == 1)
    ),
    "imide group": lambda w: w.where(
        lambda i: (
            w.three_h_n(i)
            and len([j for o, j in w.nb[i] if o == 1 and w.acyl(j) and not w.ar[j] and not w.h[j]])
            > 1
        )
    ),
    "hydrazide group": lambda w: w.where(
        lambda i: (
            w.acyl(i)
            and any(
                w.three_h_n(j) and w.h[j] == 1 and any(w.three_h_n(k) for k in w.to(j, "N", 1))
                for j in w.to(i, "N", 1)
            )
        )
    ),
    "sulfonamide group": lambda w: w.where(lambda i: w.sulfonyl(i, w.three_h_n)),
    "urea group": lambda w: w.where(lambda i: _carbonic(w, i, w.three_h_n, w.three_h_n)),
    "thiourea group": lambda w: w.where(
        lambda i: (
            w.el[i] == "C"
            and not w.ar[i]
            and w.to(i, "S", 2)
            and len([j for j in w.to(i, "N", 1) if w.three_h_n(j)]) == 2
        )
    ),
    "aldehyde group": lambda w: w.where(lambda i: w.acyl(i) and w.h[i] == 1 and bool(w.to(i, "C"))),
    "keto group": lambda w: w.where(lambda i: w.acyl(i) and len(w.to(i, "C")) == 2),
    "cyano group": lambda w: w.where(lambda i: w.el[i] == "C" and w.to(i, "N", 3) and w.to(i, "C")),
    "nitro group": lambda w: w.where(
        lambda i: (
            w.el[i] == "N"
            and w.to(i, "C")
            and w.oxo(i)
            and any(w.q[j] == -1 for j in w.to(i, "O", 1))
        )
    ),
    "azo group": lambda w: w.pairs(
        lambda i, o, j: (
            o == 2
            and w.el[i] == w.el[j] == "N"
            and not w.in_ring(i)
            and not w.in_ring(j)
            and all(len(w.nb[k]) == 2 and bool(w.to(k, "C")) for k in (i, j))
        )
    ),
    "azide group": lambda w: w.where(
        lambda i: (
            w.sharp(i, "N")
            and any(
                w.q[j] == 1 and any(w.q[k] == -1 for k in w.to(j, "N", 2)) for j in w.to(i, "N", 2)
            )
        )
    ),
    "isocyanate group": lambda w: w.where(
        lambda i: (
            w.sharp(i, "N")
            and any(w.to(j, "O", 2) for j in w.to(i, "C", 2))
            and len(w.to(i, "C")) == 2
        )
    ),
    "isothiocyanate group": lambda w: w.where(
        lambda i: (
            w.sharp(i, "N")
            and any(w.to(j, "S", 2) for j in w.to(i, "C", 2))
            and len(w.to(i, "C")) == 2
        )
    ),
    "hydrazone group": lambda w: w.where(lambda i: _hydrazone(w, i)),
    "oxime group": lambda w: w.where(
        lambda i: (
            w.el[i] == "C"
            and not w.ar[i]
            and not w.to(i, "N O S", 1)
            and any(any(w.hydroxyl(k) for k in w.to(j, "O", 1)) for j in w.to(i, "N", 2))
        )
    ),
    "phenolic hydroxy group": lambda w: w.where(
        lambda i: w.hydroxyl(i) and w.all_carbon_arene(w.nb[i][0][1])
    ),
    "hydroxy group": lambda w: w.where(
        lambda i: (
            w.hydroxyl(i) and w.el[w.nb[i][0][1]] == "C" and not w.to(w.nb[i][0][1], "O N S", 2)
        )
    ),
    "primary amino group": lambda w: w.where(lambda i: w.amine(i, 2)),
    "secondary amino group": lambda w: w.where(lambda i: w.amine(i, 1)),
    "tertiary amino group": lambda w: w.where(lambda i: w.amine(i, 0)),
    "quaternary ammonium group": lambda w: w.where(
        lambda i: w.el[i] == "N" and w.q[i] == 1 and len(w.to(i, "C", 1)) == 4
    ),
    "thiol group": lambda w: w.where(
        lambda i: w.el[i] == "S" and w.h[i] == 1 and len(w.nb[i]) == 1 and w.plain(w.nb[i][0][1])
    ),
    "disulfide bond": lambda w: w.pairs(
        lambda i, o, j: (
            o == 1
            and w.el[i] == w.el[j] == "S"
            and all(len(w.nb[k]) == 2 and bool(w.to(k, "C")) for k in (i, j))
        )
    ),
    "sulfoxide group": lambda w: w.where(
        lambda i: (
            w.el[i] == "S" and len(w.nb[i]) == 3 and len(w.oxo(i)) == 1 and len(w.to(i, "C")) == 2
        )
    ),
    "sulfone group": lambda w: w.where(
        lambda i: w.el[i] == "S" and len(w.oxo(i)) == 2 and len(w.to(i, "C")) == 2
    ),
    "thioether linkage": lambda w: w.where(lambda i: w.bridge(i, "S")),
    "epoxide ring": lambda w: w.where(lambda i: _epoxide(w, i)),
    "ether linkage": lambda w: w.where(lambda i: w.bridge(i, "O") and not w.in_ring(i, 3)),
    "carbon-carbon triple bond": lambda w: w.pairs(
        lambda i, o, j: o == 3 and w.el[i] == w.el[j] == "C"
    ),
    "carbon-carbon double bond": lambda w: w.pairs(
        lambda i, o, j: o == 2 and w.el[i] == w.el[j] == "C" and not w.ar[i] and not w.ar[j]
    ),
    "methoxy group": lambda w: w.where(
        lambda i: w.bridge(i, "O") and sum(w.methyl(j) for _, j in w.nb[i]) == 1
    ),
    "trifluoromethyl group": lambda w: w.where(
        lambda i: w.el[i] == "C" and len(w.to(i, "F")) == 3 and len(w.nb[i]) == 4
    ),
    "tert-butyl group": lambda w: w.where(lambda i: w.branch(i, 3)),
    "isopropyl group": lambda w: w.where(lambda i: w.branch(i, 2)),
    "ring-bound methyl group": lambda w: w.where(
        lambda i: w.methyl(i) and w.in_ring(w.nb[i][0][1])
    ),
    "fluoro substituent": lambda w: w.where(lambda i: w.sharp(i, "F")),
    "chloro substituent": lambda w: w.where(lambda i: w.sharp(i, "Cl")),
    "bromo substituent": lambda w: w.where(lambda i: w.sharp(i, "Br")),
    "iodo substituent": lambda w: w.where(lambda i: w.sharp(i, "I")),
    "carbon atom": lambda w: w.el.count("C"),
    "non-hydrogen atom": lambda w: len(w.el) - w.el.count("H"),
    "ring": lambda w: w.mol.GetNumBonds() - len(w.el) + len(Chem.GetMolFrags(w.mol)),
}
