"""Protocol buffers and PyTorch's files: read without their packages, broken ones told."""

import base64
import contextlib
import gzip
import pickle
import sys
import types
import zlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from t5chem.datasets.ord import read as read_ord
from t5chem.datasets.protobuf import WireError, fields, messages
from t5chem.datasets.pubchem324k import DATASETS
from t5chem.datasets.torch_files import read_texts
from t5x.errors import ConfigError
from tests.t5chem.datasets.source_files import (
    ORD_WITH_SMILES,
    PYG_PICKLE,
    ord_dataset,
    ord_messages,
    torch_file,
    write,
    zipped,
)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


# Machines of tests are busy: how long it takes says nothing.
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([(1000, b"x" * 300), (15, (1 << 64) - 1), (16, 0)])
@given(
    st.lists(
        st.tuples(
            st.integers(1, 1000),
            st.one_of(st.integers(0, (1 << 64) - 1), st.binary(max_size=9)),
        ),
        max_size=6,
    )
)
def test_fields_come_back(values):
    message = b"".join(
        varint(number << 3 | (0 if isinstance(value, int) else 2))
        + (varint(value) if isinstance(value, int) else varint(len(value)) + value)
        for number, value in values
    )
    assert list(fields(message)) == values


def test_a_message_that_ord_schema_wrote():
    assert list(fields(base64.b64decode(ORD_WITH_SMILES))) == [
        (1, b"\x08\x06\x1a3[CH3:1][Br:2].[Na+].[OH-:3]>O>[CH3:1][OH:3] |f:1.2|"),
        (5, b"B\x01x"),
        (10, b"ord-1"),
    ]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\x1a\x05CCO", "it breaks off"),
        (b"\x08", "it breaks off"),
        (b"\x88", "it breaks off"),
        (b"\x0d\x01", "it breaks off"),
        (b"\x0b\x00", "wire type 3 of field 1"),
        (b"\x08" + b"\xff" * 11, "an integer of more than 64 bits"),
        (b"\x1a" + varint(1 << 40), "a field of 1,099,511,627,776 bytes"),
    ],
)
def test_what_is_no_message(message, said):
    with pytest.raises(WireError) as raised:
        list(fields(message))
    assert str(raised.value) == said


def test_an_integer_where_a_message_should_be():
    with pytest.raises(WireError, match="field 1 holds 2 and no message"):
        list(messages(b"\x08\x02", 1))


def test_a_broken_reaction_costs_itself_alone(tmp_path):
    broken = [b"\x0b\x00", ord_messages()[0]]
    write(tmp_path, {"ord_dataset-1.pb.gz": gzip.compress(ord_dataset(broken))})
    bad, good = read_ord(tmp_path)
    assert (bad.number, bad.reason) == (1, "not a serialised reaction")
    assert good.fields["products"] == "CO"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ord_dataset-1.pb.gz", gzip.compress(b"\x1a\x40x"), "it breaks off."),
        ("ord_dataset-1.parquet", b"PAR1 no", "is no dataset of the database: "),
        ("ord_dataset-1.pbtxt", b"name: x", "is neither .pb.gz nor .parquet, "),
    ],
)
def test_what_is_no_dataset_of_the_open_reaction_database(name, content, said, tmp_path):
    write(tmp_path, {name: content})
    with pytest.raises(ConfigError) as raised:
        list(read_ord(tmp_path))
    assert raised.value.message.startswith(str(tmp_path / name)) and said in raised.value.message


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"reaction_id": ["a"]}, "is no dataset of the database: "),
        ({"reaction": ["CC>>CC"]}, "is no dataset of the database: reactions are string."),
    ],
)
def test_parquet_of_other_things(columns, said, tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "ord_dataset-1.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(ConfigError) as raised:
        list(read_ord(tmp_path))
    assert raised.value.message.startswith(f"{path} {said}")


def test_a_missing_reaction_in_parquet(tmp_path):
    import pyarrow
    from pyarrow import parquet

    column = pyarrow.array([None, ord_messages()[0]], pyarrow.binary())
    parquet.write_table(pyarrow.table({"reaction": column}), tmp_path / "ord_dataset-1.parquet")
    bad, good = read_ord(tmp_path)
    assert (bad.reason, good.fields["products"]) == ("no product", "CO")


# PyTorch's files


def stream(tmp_path, pickled):
    write(tmp_path, {"a.pt": torch_file(pickled)})
    return (tmp_path / "a.pt").open("rb")


def test_texts_that_pytorch_geometric_collated(tmp_path):
    file = stream(tmp_path, zlib.decompress(base64.b64decode(PYG_PICKLE)))
    assert read_texts(file, "a.pt", ("smiles", "text")) == [
        ["CCO", "C/C=C\\C"],
        ["The molecule is\nethanol.", "It is an alkene."],
    ]


def test_programs_in_a_pickle_do_not_run(tmp_path, monkeypatch):
    ran = []
    module = types.ModuleType("trap")
    module.spring = ran.append
    monkeypatch.setitem(sys.modules, "trap", module)
    # As a pickle calls it: GLOBAL 'trap spring', MARK, 'now', TUPLE, REDUCE.
    attack = b"(ctrap\nspring\n(V now\ntR}(Vsmiles\n(lV C\naVtext\n(lV x\nautt."
    with stream(tmp_path, b"\x80\x02" + attack) as file, contextlib.suppress(ConfigError):
        read_texts(file, "a.pt", ("smiles",))
    pickle.loads(b"\x80\x02" + attack.partition(b"R")[0] + b"R.")  # it would have
    assert ran == [" now"]


def test_pytorchs_own_writer(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(
        ({"smiles": ["C"], "text": ["gas"], "x": torch.zeros(3)}, {"x": torch.ones(2)}),
        tmp_path / "b.pt",
    )
    with (tmp_path / "b.pt").open("rb") as file:
        assert read_texts(file, "b.pt", ("smiles", "text")) == [["C"], ["gas"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no", "is cut off or damaged"),
        (zipped({"a.txt": "no"}), "a.pt is no file that PyTorch's `torch.save` wrote."),
        (torch_file(b"\x80\x02}."), "a.pt holds no list of texts under the name 'smiles'."),
        (torch_file(b"\x80\x02}(Vsmiles\n]K\x01au."), "under the name 'smiles'."),
        (torch_file(b"\x80\x02\xff."), "a.pt: its objects cannot be read: "),
        (torch_file(b"\x80\x02("), "is cut off or damaged"),
    ],
)
def test_what_is_no_file_of_pytorch(content, said, tmp_path):
    path = write(tmp_path, {"a.pt": content}) / "a.pt"
    with path.open("rb") as file, pytest.raises(ConfigError) as raised:
        read_texts(file, "a.pt", ("smiles",))
    assert said in raised.value.message


def test_an_archive_of_other_molecules_than_texts(tmp_path):
    uneven = pickle.dumps({"smiles": ["C", "CC"], "text": ["gas"]}, protocol=2)
    archive = zipped({f"d/{name}.pt": torch_file(uneven) for name in ("train", "valid", "test")})
    write(tmp_path, {"PubChem324kV2.zip": archive})
    with pytest.raises(ConfigError) as raised:
        list(DATASETS[0].read(tmp_path))
    assert raised.value.message == "PubChem324kV2.zip/valid.pt has 2 SMILES and 1 texts."
