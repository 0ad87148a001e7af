"""`t5chem vocab`, by its own parser."""

import argparse
import json

import pytest

from t5chem.vocabularies import SentencePieceVocabulary
from t5chem.vocabularies.command import add_parser
from t5x.errors import ConfigError


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    parsed = parser.parse_args(["vocab", *map(str, arguments)])
    return parsed.run(parsed)


@pytest.fixture
def lines(tmp_path):
    file = tmp_path / "molecules.txt"
    file.write_text("C\n\nF/C=C\\F\nCCCCCCCC\n")
    return file


def test_audit_of_lines_that_survive(lines, capsys):
    assert run("audit", lines, "--vocabulary", "chem", "--limit", "8") == 0
    printed = capsys.readouterr().out
    assert "rows        3\n" in printed
    assert "unknown     0 tokens in 0 rows" in printed
    assert "limit 8     would cut 1 rows (33.3%; 4): 1 tokens" in printed
    assert "left out    1 rows without readable text; row 2: empty input" in printed


def test_audit_tells_a_loss_by_its_exit_code(lines, capsys, toy_t5_file):
    assert run("audit", lines, "--vocabulary", toy_t5_file) == 1
    printed = capsys.readouterr().out
    assert "\\  U+005C REVERSE SOLIDUS: 1 rows (33.3%; 3)" in printed
    assert "limit 512   would cut 0 rows" in printed


def test_audit_reads_t5_from_the_environment(lines, capsys, toy_t5_file, monkeypatch):
    monkeypatch.setenv("T5CHEM_T5_VOCAB", toy_t5_file)
    assert run("audit", lines, "--vocabulary", "t5") == 0
    assert run("audit", lines, "--vocabulary", "t5_compatible") == 1


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.csv", 'id,smiles\n1,"C\\C"\n2,CO\n', []),
        ("a.tsv", "id\tsmiles\n1\tC\\C\n2\tCO\n", []),
        ("a.txt", "id\tsmiles\n1\tC\\C\n2\tCO\n", ["--format", "tsv"]),
        ("a.jsonl", json.dumps({"smiles": "C\\C"}) + '\n{"smiles": "CO"}\n', []),
    ],
)
def test_audit_of_tables(tmp_path, capsys, name, text, options):
    file = tmp_path / name
    file.write_text(text)
    assert run("audit", file, "--vocabulary", "byte", "--column", "smiles", *options) == 0
    printed = capsys.readouterr().out
    assert "rows        2\n" in printed
    assert "tokens      median 3, 90% 4" in printed.replace("90 %", "90%")


def test_audit_refuses_what_it_cannot_read(tmp_path, lines):
    table = tmp_path / "a.csv"
    table.write_text("smiles,x\nC,1\n")
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    for arguments, message in [
        ((table,), "name the column with --column"),
        ((table, "--column", "smile"), "Did you mean 'smiles'"),
        ((lines, "--column", "smiles"), "say --format csv or tsv"),
        ((tmp_path / "none.txt",), "none.txt: No such file"),
        ((empty,), "has no row with text; row 1: empty input"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run("audit", *arguments, "--vocabulary", "chem")
    with pytest.raises(ConfigError, match="'chemistry' is neither a vocabulary"):
        run("audit", lines, "--vocabulary", "chemistry")
    with pytest.raises(ConfigError, match="is no SentencePiece model"):
        run("audit", lines, "--vocabulary", lines)


ENGLISH = "The solution was concentrated and extracted; the condition of it was conserved at 5 °C."


def test_train_from_a_table_and_lines(tmp_path, capsys):
    table, lines, out = (tmp_path / name for name in ("a.tsv", "a.smi", "mine.model"))
    table.write_text("text\tsmiles\n" + f"{ENGLISH}\tC[Po+4]\n" * 20)
    lines.write_text("C[Pu+3] plutonium\n\n" * 10)
    columns = ("--column", "text", "--smiles-column", "smiles")
    assert run("train", table, lines, "--out", out, "--size", 700, *columns) == 0
    vocabulary = SentencePieceVocabulary(out)
    assert vocabulary.pieces("[Po+4][Pu+3]con") == ["[Po+4]", "[Pu+3]", "c", "o", "n"]
    assert vocabulary.decode(vocabulary.encode("  \\~α\t")) == "  \\~α\t"
    printed = capsys.readouterr().out
    assert vocabulary.fingerprint in printed
    assert "tokens a word" in printed and "tokens a character" in printed


def test_train_refuses_what_cannot_work(tmp_path):
    table, smiles, out = (tmp_path / name for name in ("a.tsv", "a.smi", "mine.model"))
    table.write_text("text\tsmiles\n" + f"{ENGLISH}\tCO\n" * 20)
    smiles.write_text("CO\n")
    for arguments, message in [
        ((table, "--out", out), "name the columns of tables"),
        ((smiles, "--out", out), "No English to learn pieces from"),
        ((table, "--column", "text", "--out", out, "--size", "300"), "Choose a larger size"),
        ((table, "--column", "text", "--out", tmp_path / "no" / "x"), "there is no such folder"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run("train", *arguments)
    assert not out.exists()
