"""Small files in the true form of every dataset, and the records that they hold."""

import base64
import gzip
import io
import json
import tarfile
import zipfile
import zlib
from pathlib import Path

# What torch.save of PyTorch 2.13 wrote of two molecules that torch_geometric 2.8.1 collated, with
# the attributes of PubChem324k: its member data.pkl, compressed.
PYG_PICKLE = (
    "eNqFkulT00AYh3tZIHKJF94VryBaoJweqFgOMSgSUKNSY5qs3Yxp0l+ycfjSGf1AZ/iv3c0GmM44w5fd2c37PPvub/"
    "MnZ7MgtKnZIEGTsNC1y47FrGRQVsSAzPhfZNvIqcZgJpMxidMgpsVYaNpehPwp+CqvXubFCgrGsMAZ8aMgPBGcOUWw"
    "m9RLRdEoCkXECYKe/4Pio9UgyroX1C1vJ12hl1+irw1FNXqFomm1Wq7fwNk2+lUjy7f2MSCFZTNmrhcpZkjqses5Rx"
    "3/rigYVFWjhxenh2BIIspm4DeOjxpOfFM4Z+T5bLdijGj9DOe3tYxW1HIdXNByWraDi4e2HXgesZkb+JGyFTokJM6K"
    "azMFl8Z1XGYY1XHFULglCd31HbKPq5R3QYeoPGYa1+iI1stwXehzWqGDG1pB6G8eUmG5xVDScdvoO7KI5DEmJWn7a1"
    "5gseP+7yTiCu5ycYHhnhAnxvtaVkwPpFhl4OPD5EmipuuRCBM1PFKTW1erW3icRFWdrC5V96ooE6PAl4zsM0zWMKUa"
    "o3y5S0mpGfAMYo+U3EghjFp+4JUxnfwtG4xvliy/ZHm/iE/KqBAZqutgpoZZedjCVAVzaRrzJLmpHzdNP3B4TwtaMU"
    "4aMVtWSHyGRZpNIjVPap7U8FTV8lqexPW43sYzlQ50pTyD5zyMPMOSCCN/gBda9gAvZRCvGJZ1vKbdDzOLqkRWUmRV"
    "IGsSWWd4o2ODjnUhc3grES1FNgXyTiLvGbZ0fKATXcg8tiWip8iOQHYl8pHhk47PdLILWYAhkS8p8lUg3ySyx1DT8Z"
    "3OdCGLMCXyI0UsgdQlYjM4Okjcwc/yP2JHQUQ="
)
# What ord-schema 0.9.6 serialised: a reaction with its SMILES, one with its compounds, one with a
# compound that has a name only.
ORD_WITH_SMILES = (
    "CjcIBhozW0NIMzoxXVtCcjoyXS5bTmErXS5bT0gtOjNdPk8+W0NIMzoxXVtPSDozXSB8ZjoxLjJ8KgNCAXhSBW9yZC0x"
)
ORD_WITH_COMPOUNDS = (
    "EiQKA2luMBIdChsKBQgGGgFhCgcIAhoDQ0NPEgcKBQ0AAMA/GAESKAoDaW4xEiEKHwoFCAYaAWEKCwgCGgdDQyg9TylP"
    "EgcKBQ0AAMA/GAESLAoDaW4yEiUKIwoFCAYaAWEKDwgCGgtbTmErXS5bT0gtXRIHCgUNAADAPxgCEiYKA2luMxIfCh0K"
    "BQgGGgFhCgkIAhoFQ2xDQ2wSBwoFDQAAwD8YAxIiCgNpbjQSGwoZCgUIBhoBYQoFCAIaAU8SBwoFDQAAwD8YBUI1CgUN"
    "AABgQBocCg0IAhoJQ0NPQyhDKT1PEAEaB0IFDQAAAD84CBoOCggIAhoEQ0NDQxAAOAlSBW9yZC0y"
)
ORD_WITHOUT_STRUCTURE = (
    "EiQKA2luMBIdChsKBQgGGgFhCgcIAhoDQ0NPEgcKBQ0AAMA/GAESKAoDaW4xEiEKHwoFCAYaAWEKCwgCGgdDQyg9TylP"
    "EgcKBQ0AAMA/GAESLAoDaW4yEiUKIwoFCAYaAWEKDwgCGgtbTmErXS5bT0gtXRIHCgUNAADAPxgCEiYKA2luMxIfCh0K"
    "BQgGGgFhCgkIAhoFQ2xDQ2wSBwoFDQAAwD8YAxIiCgNpbjQSGwoZCgUIBhoBYQoFCAIaAU8SBwoFDQAAwD8YBRIWCgNp"
    "bjkSDwoNCgkIBhoFbWFnaWMYBEI1CgUNAABgQBocCg0IAhoJQ0NPQyhDKT1PEAEaB0IFDQAAAD84CBoOCggIAhoEQ0ND"
    "QxAAOAlSBW9yZC0z"
)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files, by name; returns their folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name: str, content: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content.encode())
        archive.addfile(info, io.BytesIO(content.encode()))
    return buffer.getvalue()


def torch_file(pickled: bytes) -> bytes:
    return zipped({"archive/data.pkl": pickled, "archive/version": "3\n", "archive/data/0": b"\0"})


def ord_messages() -> list[bytes]:
    texts = (ORD_WITH_SMILES, ORD_WITH_COMPOUNDS, ORD_WITHOUT_STRUCTURE)
    return [base64.b64decode(text) for text in texts]


def ord_dataset(messages: list[bytes]) -> bytes:
    """A serialised `Dataset`: a name, the reactions, an id."""
    name, own_id = b"\x0a\x01n", b"\x2a\x01x"
    length = lambda size: bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])  # noqa: E731
    reactions = (b"\x1a" + length(len(message)) + message for message in messages)
    return name + b"".join(reactions) + own_id


def _parquet(columns: dict[str, list[str]]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _captions(*rows: tuple[str, str]) -> bytes:
    return _parquet({"molecule": [row[0] for row in rows], "caption": [row[1] for row in rows]})


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def _json_lines(*pairs: tuple[str, str]) -> str:
    return _lines(*(json.dumps({"source": source, "target": target}) for source, target in pairs))


CHEBI20 = {
    "chebi20/validation.txt": _lines(
        "CID\tSMILES\tdescription",
        '20\tF/C=C\\\\F\tThe molecule is a "trans" alkene.',
    ),
    "chebi20/test.txt": _lines("CID\tSMILES\tdescription", "30\tC1CC1\tThe molecule is a ring."),
    "chebi20/train.txt": _lines("CID\tSMILES\tdescription", "10\tOCC\tThe molecule is an alcohol."),
}
USPTO50K = {
    "uspto50k/valid_sources": _lines("<RX_6> C C O"),
    "uspto50k/valid_targets": _lines("C C O C ( C ) = O"),
    "uspto50k/test_sources": _lines("<RX_10> C C Cl"),
    "uspto50k/test_targets": _lines("C C . Cl Cl"),
    "uspto50k/train_sources": _lines("<RX_1> C O C", "<RX_2> C O"),
    "uspto50k/train_targets": _lines("C I . O C", "O C . C C"),
}
USPTO_MIT = {
    "uspto_mit/valid.txt.tar.gz": tarred("valid.txt", _lines("[CH4:1].Cl>>[CH3:1]Cl 1-2")),
    "uspto_mit/test.txt.tar.gz": tarred("test.txt", _lines("[CH4:1].O>>[CH4:1] 1-2")),
    "uspto_mit/train.txt.tar.gz": tarred(
        "train.txt",
        _lines(
            "[CH3:1][Br:2].[Na+:7].[OH-:9].O>>[CH3:1][OH:9] 1-2;1-9",
            "[CH3:1][OH:2]>>[CH3:1][OH:2] 1-2",
        ),
    ),
}
CAPTION, WRITE = "Caption the following SMILES: ", "Write in SMILES the described molecule: "
PRODUCT = "Predict the product of the following reaction: "
PRECURSORS = "Predict the reaction that produces the following product: "
ACTIONS = "Which actions are described in the following paragraph: "
_EXPORT = {
    "valid.jsonl": _json_lines(
        (CAPTION + "C/C=C\\\\C", "It is an alkene."), (PRODUCT + "CC.Cl", "CCCl")
    ),
    "test.jsonl": _json_lines((ACTIONS + "It was stirred.", "STIR."), (PRECURSORS + "CO", "CBr.O")),
    "train.jsonl": _json_lines(
        (CAPTION + "CO", "It is methanol."),
        (WRITE + "It is methanol.", "CO"),
        (PRODUCT + "CBr.[OH-]~[Na+]", "CO"),
        (PRECURSORS + "CO", "CBr.[Na+]~[OH-]"),
        (ACTIONS + "It was cooled.", "SETTEMPERATURE cool."),
        ("Translate to German: yes", "ja"),
    ),
}
_PISTACHIO = {f"pistachio/{name}": text for name, text in _EXPORT.items()}

FILES: dict[str, dict[str, str | bytes]] = {
    "chebi20": {**CHEBI20},
    "chebi20_rebuilt": {
        **CHEBI20,
        "chebi20/train_rebuilt.tsv": _lines(
            "CID\tSMILES\tchebi_id\tchebi_name\tdescription",
            "71\tF/C=C\\Cl\tCHEBI:1\tone\tIt derives from a 2-\\{4-[x]\\}y.",
            "72\tC1CC1\tCHEBI:2\ttwo\tIt is in ChEBI-20's test.",
        ),
    },
    "chebi20_subset": {
        **CHEBI20,
        "chebi20/train_subset_real.tsv": _lines(
            "CID\tSMILES\tdescription\tsource", "81\tCC\tThe molecule is an alkane.\tsomewhere"
        ),
    },
    "lpm24": {
        **CHEBI20,
        "lpm24/split_valid-00000-of-00001.parquet": _captions(("C1CCC1", "It is a ring.")),
        "lpm24/split_train-00000-of-00001.parquet": _captions(
            ("OCC", "It is a\nfuel."), ("CCO", "It is a\nfuel."), ("C1CCC1", "It is in both.")
        ),
    },
    "lpm24_properties": {
        **CHEBI20,
        "lpm24/additional_data.zip": zipped(
            {
                "train_props.txt": _lines(
                    "C/C=C\\C\t{'nutrient', \"Alzheimer's Disease\", 'fuel'}",
                    "CCO\t{'fuel'}",
                    "CC\tset()",
                    "CC\t__import__('os').getcwd()",
                ),
                "prop_counts.json": "{}",
            }
        ),
    },
    "iupac": {
        **CHEBI20,
        "iupac/validation.txt": _lines("cid\tSMILES\tdescription", "1\tC\tmethane"),
        "iupac/test.txt": _lines("cid\tSMILES\tdescription", "2\tCC\tethane"),
        "iupac/train.txt": _lines(
            "cid\tSMILES\tdescription",
            "3\tF/C=C\\F\t(E)-1,2-difluoroethene",
            "4\tCC\tethane",
            "5\tC[N+](=O)[O-]\tnitromethane",
        ),
    },
    "uspto50k": {**USPTO50K},
    "uspto_mit": {**USPTO_MIT},
    "uspto_full": {
        **USPTO50K,
        **USPTO_MIT,
        "uspto_full/raw_val.csv": _lines(
            "id,reactants>reagents>production", "US1,[CH3:1][I:2].[F-:3]>>[CH3:1][F:3]"
        ),
        "uspto_full/raw_test.csv": _lines(
            "id,reactants>reagents>production", "US2,[CH3:1][NH2:2]>>[CH3:1][NH2:2]"
        ),
        "uspto_full/raw_train.csv": _lines(
            "id,reactants>reagents>production",
            "US3,[CH3:1][SH:2].[CH3:3][Br:4]>>[CH3:1][S:2][CH3:3]",
            '"US4",[CH4:1].[Cl:2][Cl:3]>>[CH3:1][Cl:2]',
        ),
    },
    "ord": {
        **USPTO50K,
        **USPTO_MIT,
        "ord/data/ab/ord_dataset-ab12.pb.gz": gzip.compress(ord_dataset(ord_messages()), mtime=0),
    },
    "chemtrans": {
        "chemtrans/dev_inp.txt": _lines("It is heated."),
        "chemtrans/dev_out.txt": _lines("[ settemp ]  temperature: 50 °C & "),
        "chemtrans/test_inp.txt": _lines("It is dried."),
        "chemtrans/test_out.txt": _lines("[ dry ] N/A: dried &"),
        "chemtrans/train_inp.txt": _lines("Water is added.", "Nothing."),
        "chemtrans/train_out.txt": _lines("[ add ] reagent:  ( name: water & )", ""),
    },
    "paragraph2actions": {
        "paragraph2actions/src-valid.txt": _lines("It was stirred."),
        "paragraph2actions/tgt-valid.txt": _lines("STIR."),
        "paragraph2actions/src-test.txt": _lines("Was filtriert wurde."),
        "paragraph2actions/tgt-test.txt": _lines("OTHERLANGUAGE."),
        "paragraph2actions/src-train.txt": _lines("LiAlH4 was added."),
        "paragraph2actions/tgt-train.txt": _lines("ADD LiAlH4 \u200c(1 M in THF)."),
    },
    "pistachio_molecules": {**_PISTACHIO},
    "pistachio_reactions": {**_PISTACHIO},
    "pistachio_procedures": {**_PISTACHIO},
}
_TESTED = zlib.decompress(base64.b64decode(PYG_PICKLE))
# PyTorch writes the length of a text before it: another of the same length fits.
_LEARNED = _TESTED.replace(b"CCO", b"CCC").replace(b"ethanol", b"propane")
_PUBCHEM = zipped(
    {
        f"PubChem324kV2/{member}.pt": torch_file(pickled)
        for member, pickled in (
            ("pretrain", _LEARNED), ("train", _LEARNED), ("valid", _TESTED), ("test", _TESTED)
        )
    }
)  # fmt: skip
for _name in ("pubchem324k", "pubchem324k_pretrain"):
    FILES[_name] = {**CHEBI20, "pubchem324k/PubChem324kV2.zip": _PUBCHEM}


def _reaction(reactants: str, products: str, reagents: str = "", name: str = "") -> dict[str, str]:
    return {
        "reaction_class": name,
        "reactants": reactants,
        "reagents": reagents,
        "products": products,
    }


def _molecule(smiles: str, description: str) -> dict[str, str]:
    return {"smiles": smiles, "description": description}


def _procedure(paragraph: str, actions: str) -> dict[str, str]:
    return {"paragraph": paragraph, "actions": actions}


RECORDS: dict[str, dict[str, dict[str, str]]] = {
    "chebi20": {
        "validation-2-20": _molecule("F/C=C\\F", 'The molecule is a "trans" alkene.'),
        "test-2-30": _molecule("C1CC1", "The molecule is a ring."),
        "train-2-10": _molecule("OCC", "The molecule is an alcohol."),
    },
    "chebi20_rebuilt": {
        "train-2-71": _molecule("F/C=C\\Cl", "It derives from a 2-{4-[x]}y."),
    },
    "chebi20_subset": {"train-2-81": _molecule("CC", "The molecule is an alkane.")},
    "lpm24": {
        "validation-1": _molecule("C1CCC1", "It is a ring."),
        "train-1": _molecule("OCC", "It is a\nfuel."),
    },
    "lpm24_properties": {
        "train-1": _molecule(
            "C/C=C\\C",
            "The molecule has the properties Alzheimer's Disease, fuel and nutrient.",
        ),
        "train-2": _molecule("CCO", "The molecule has the property fuel."),
    },
    "pubchem324k": {
        "validation-1": _molecule("CCO", "The molecule is ethanol."),
        "validation-2": _molecule("C/C=C\\C", "It is an alkene."),
        "test-1": _molecule("CCO", "The molecule is ethanol."),
        "test-2": _molecule("C/C=C\\C", "It is an alkene."),
        "train-1": _molecule("CCC", "The molecule is propane."),
    },
    "pubchem324k_pretrain": {"train-1": _molecule("CCC", "The molecule is propane.")},
    "iupac": {
        "validation-2-1": _molecule("C", "The molecule is methane."),
        "test-2-2": _molecule("CC", "The molecule is ethane."),
        "train-4-5": _molecule("C[N+](=O)[O-]", "The molecule is nitromethane."),
    },
    "uspto50k": {
        "validation-1": _reaction("CCOC(C)=O", "CCO", name="deprotection"),
        "test-1": _reaction("CC.ClCl", "CCCl", name="functional group addition"),
        "train-1": _reaction("CI.CO", "COC", name="heteroatom alkylation and arylation"),
        "train-2": _reaction("CC.CO", "CO", name="acylation and related processes"),
    },
    "uspto_mit": {
        "validation-1": _reaction("C", "CCl", "Cl"),
        "test-1": _reaction("C.O", "C"),
        "train-1": _reaction("CBr.[Na+]~[OH-]", "CO", "O"),
    },
    "uspto_full": {
        "validation-2-US1": _reaction("CI.[F-]", "CF"),
        "test-2-US2": _reaction("CN", "CN"),
        "train-2-US3": _reaction("CBr.CS", "CSC"),
    },
    "ord": {
        "train-1-ord-1": _reaction("CBr.[Na+]~[OH-]", "CO", "O"),
        "train-2-ord-2": _reaction("CC(=O)O.CCO", "CCOC(C)=O", "ClCCl.[Na+]~[OH-]"),
    },
    "chemtrans": {
        "validation-1": _procedure("It is heated.", "[ settemp ] temperature: 50 °C &"),
        "test-1": _procedure("It is dried.", "[ dry ] N/A: dried &"),
        "train-1": _procedure("Water is added.", "[ add ] reagent: ( name: water & )"),
    },
    "paragraph2actions": {
        "validation-1": _procedure("It was stirred.", "STIR."),
        "test-1": _procedure("Was filtriert wurde.", "OTHERLANGUAGE."),
        "train-1": _procedure("LiAlH4 was added.", "ADD LiAlH4 \u200c(1 M in THF)."),
    },
    "pistachio_molecules": {
        "validation-1": _molecule("C/C=C\\C", "It is an alkene."),
        "train-1": _molecule("CO", "It is methanol."),
    },
    "pistachio_reactions": {
        "validation-2": _reaction("CC.Cl", "CCCl"),
        "test-2": _reaction("CBr.O", "CO"),
    },
    "pistachio_procedures": {
        "test-1": _procedure("It was stirred.", "STIR."),
        "train-5": _procedure("It was cooled.", "SETTEMPERATURE cool."),
    },
}
"""Records by id that each dataset keeps of `FILES`."""
