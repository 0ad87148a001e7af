"""Lines, pairs of files and archives: what is read, and what is said of those that are broken."""

import gzip
import re

import pytest

from t5chem.datasets import reading
from t5chem.datasets.dataset import Bad
from t5chem.datasets.reading import Line, read_lines, read_member, read_pairs, read_table
from t5chem.datasets.tables import Cells, Layout
from t5x.errors import ConfigError
from tests.t5chem.datasets.source_files import tarred, write, zipped

TSV = Layout("tsv", quoted=False)


def message(callable_, *arguments):
    with pytest.raises(ConfigError) as raised:
        list(callable_(*arguments))
    return raised.value.message


def test_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n caf\xc3\xa9 \nlast\x85still")
    assert list(read_lines(path)) == [
        Line(1, "one"),
        Line(2, ""),
        Line(3, " café "),
        Bad("a.txt", 4, "bytes that are not UTF-8", "byte 5 of the line"),
    ]


def test_lines_end_at_line_feeds_alone(tmp_path):
    # Text holds other characters that Python takes for line ends.
    path = write(tmp_path, {"a.txt": "one\u2028two\x0bthree\n"}) / "a.txt"
    assert list(read_lines(path)) == [Line(1, "one\u2028two\x0bthree")]


def test_files_that_are_none(tmp_path):
    empty = write(tmp_path, {"empty.txt": ""}) / "empty.txt"
    assert message(read_lines, empty) == f"{empty} is empty."
    missing = tmp_path / "missing.txt"
    assert message(read_lines, missing) == f"{missing}: No such file or directory."


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_LINE", 8)
    path = write(tmp_path, {"a.txt": "12345678\n"}) / "a.txt"
    assert message(read_lines, path) == f"{path} is no text: a line of it has more than 8 bytes."


def test_pairs(tmp_path):
    write(tmp_path, {"src.txt": b"a\nb\n\xff\n", "tgt.txt": b"x\n\xfe\nz\n"})
    assert list(read_pairs(tmp_path / "src.txt", tmp_path / "tgt.txt")) == [
        (Line(1, "a"), Line(1, "x")),
        Bad("tgt.txt", 2, "bytes that are not UTF-8", "byte 1 of the line"),
        Bad("src.txt", 3, "bytes that are not UTF-8", "byte 1 of the line"),
    ]


def test_pairs_that_differ_in_length(tmp_path):
    write(tmp_path, {"src.txt": "a\nb\n", "tgt.txt": "x\ny\nz\n"})
    assert message(read_pairs, tmp_path / "src.txt", tmp_path / "tgt.txt") == (
        f"src.txt has 2 lines and tgt.txt 3, in {tmp_path}: line n of one belongs to line n of the "
        "other, so they must have as many. Fetch both again."
    )


def test_tables_keep_quotation_marks_and_name_bad_rows_by_their_file(tmp_path):
    path = write(tmp_path, {"t.txt": b'a\tb\n1\t"2\nx\n\xe9\t4\n'}) / "t.txt"
    assert list(read_table(path, ("a", "b"), TSV)) == [
        Cells(2, {"a": "1", "b": '"2'}),
        Bad("t.txt", 3, "wrong number of cells", "1, and 2 column names"),
        Bad("t.txt", 4, "bytes that are not UTF-8", "column 'a'"),
    ]


def test_a_table_without_the_column(tmp_path):
    path = write(tmp_path, {"t.txt": "CID\tSMILES\n1\tC\n"}) / "t.txt"
    assert message(read_table, path, ("smiles",), TSV).startswith(f"{path} has no column 'smiles'.")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped({"in/a.txt": "one\ntwo\n", "in/b.txt": "no\n"})),
        ("a.tar.gz", tarred("in/a.txt", "one\ntwo\n")),
        ("a.txt", "one\ntwo\n"),
    ],
)
def test_members(name, content, tmp_path):
    path = write(tmp_path, {name: content}) / name
    assert list(read_member(path, "a.txt")) == [Line(1, "one"), Line(2, "two")]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]  # nothing is unpacked


BIG = "".join(f"{number * 7919} {number}\n" for number in range(4000))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.zip", zipped({"a.txt": BIG})[:-500]),
        ("cut.tar.gz", tarred("a.txt", BIG)[:-500]),
        ("not.zip", b"<html>404</html>"),
        ("not.tar.gz", b"<html>404</html>"),
        ("flipped.tar.gz", tarred("a.txt", BIG)[:3000] + b"\0" * 999 + tarred("a.txt", BIG)[3999:]),
    ],
)
def test_broken_archives(name, content, tmp_path):
    path = write(tmp_path, {name: content}) / name
    said = message(read_member, path, "a.txt")
    assert re.fullmatch(
        re.escape(f"{path} is cut off or damaged (")
        + r".+\): its download did not end\. Fetch it again\.",
        said,
    )


def test_a_flipped_bit_in_a_zip(tmp_path):
    content = bytearray(zipped({"a.txt": BIG}))
    content[2000] ^= 255
    path = write(tmp_path, {"a.zip": bytes(content)}) / "a.zip"
    assert message(read_member, path, "a.txt").startswith(f"{path} is cut off or damaged (")


def test_members_that_are_not_there(tmp_path):
    path = write(tmp_path, {"a.zip": zipped({"b.txt": "", "c/d.txt": ""})}) / "a.zip"
    said = f"{path} holds no file 'a.txt'; in it are b.txt, c/d.txt."
    assert message(read_member, path, "a.txt") == said
    path = write(tmp_path, {"a.zip": zipped({"x/a.txt": "", "y/a.txt": ""})}) / "a.zip"
    assert message(read_member, path, "a.txt").startswith(f"{path} holds two files 'a.txt'")


def test_a_link_in_an_archive_is_no_member(tmp_path):
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    path = write(tmp_path, {"a.tar": buffer.getvalue()}) / "a.tar"
    assert message(read_member, path, "a.txt") == f"{path} holds no file 'a.txt'; in it are none."


def test_members_that_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_MEMBER", 100)
    for name, content in {
        "a.zip": zipped({"a.txt": "0" * 101}),
        "a.tar.gz": tarred("a.txt", "0" * 101),
    }.items():
        path = write(tmp_path, {name: content}) / name
        assert message(read_member, path, "a.txt") == (
            f"{path}: a.txt unpacks to 101 bytes, more than the 100 that any of these datasets has."
        )


def test_a_truncated_gzip_is_told_while_it_is_read(tmp_path):
    from t5chem.datasets.ord import read
    from tests.t5chem.datasets.source_files import ord_dataset, ord_messages

    whole = gzip.compress(ord_dataset(ord_messages()))
    path = write(tmp_path, {"ord_dataset-1.pb.gz": whole[:-40]}) / "ord_dataset-1.pb.gz"
    assert message(read, tmp_path).startswith(f"{path} is cut off or damaged (")
