"""The command `t5chem`: `predict`, `evaluate`, `export`, `parity`, `vocab` and `data`.

Exit codes: 0 all is well; 1 it failed, or two models differ; 2 wrong usage; 3 some rows could not
be answered or used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from t5chem import evaluate_command
from t5chem.datasets import command as datasets
from t5chem.prompts import PROMPTS
from t5chem.vocabularies import command as vocabularies
from t5x.errors import RunError

_PREDICT = """examples:
  t5chem predict text2mol "The molecule is ethanol." --model runs/tiny
  t5chem predict mol2text "CCO" --model folder --draw ethanol.svg
  t5chem predict retrosynthesis --input products.csv --column smiles --output routes.jsonl
  cat smiles.txt | t5chem predict mol2text --model folder > captions.jsonl

exit code: 0 every input was answered, 2 wrong usage, 3 some inputs could not be answered and the
others were; each is named with its row number and kept in the output as a row with `error`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: of the command line; the process's own when None.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except RunError as error:
        print(f"t5chem {parsed.command}: {error.message}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not write there again on its way out.
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="t5chem", description="Text+Chem T5: chemistry and English, both ways."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_predict(commands)
    evaluate_command.add_parser(commands)
    _add_export(commands)
    _add_parity(commands)
    vocabularies.add_parser(commands)
    datasets.add_parser(commands)
    return parser


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="ask a model",
        description="Asks a model one of its five tasks, of one input or of a file of them.",
        epilog=_PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_predict)
    parser.add_argument("task", choices=PROMPTS, metavar="TASK", help=", ".join(PROMPTS))
    parser.add_argument("text", nargs="?", metavar="INPUT", help="one input; else lines of stdin")
    parser.add_argument("--model", required=True, help="model folder, run or checkpoint")
    parser.add_argument(
        "--prompt", choices=("none",), help="ask with the bare input, as the weights of MolT5 want"
    )
    _add_answer_options(parser.add_argument_group("answers"))
    files = parser.add_argument_group("files")
    files.add_argument("--input", metavar="FILE", help=".csv, .tsv, .jsonl, or one input a line")
    files.add_argument("--input-format", choices=("csv", "tsv", "jsonl", "lines"))
    files.add_argument("--column", metavar="NAME", help="of a table, or key of JSON lines")
    files.add_argument(
        "--output", metavar="FILE", help="JSON lines; if it is there already, the run goes on"
    )
    files.add_argument(
        "--format", choices=("table", "jsonl"), help="table on a terminal, else jsonl"
    )
    files.add_argument(
        "--draw", metavar="FILE", help=".svg or .png of the molecule; one INPUT only"
    )
    files.add_argument("--batch-size", type=int, default=8, help="inputs computed at once (8)")


def _add_answer_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--beams", type=int, help="of the search; 1 is greedy; else the model's own")
    group.add_argument("--samples", type=int, help="draw so many answers instead of searching")
    group.add_argument("--temperature", type=float, default=1.0, help="of the draws (1.0)")
    group.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    group.add_argument("--top", type=int, help="show the best so many answers only")
    group.add_argument("--max-length", type=int, help="tokens of an answer; else the model's own")
    group.add_argument(
        "--valid-smiles",
        action="store_true",
        help="write only SMILES whose brackets, branches and rings close, with beams, draws or"
        " greedily; valences are not looked at, and the vocabulary must be `chem`'s kind",
    )


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "export",
        help="write a run as a model folder",
        description="Writes a checkpoint of a run as a folder that Hugging Face's tools read.",
    )
    parser.set_defaults(run=_export)
    parser.add_argument("--model_dir", required=True, metavar="RUN", help="directory of the run")
    parser.add_argument("--step", type=int, help="of the checkpoint; the newest if not given")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")


def _add_parity(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "parity",
        help="compare two models",
        description="Asks two models the same and says how far apart they are. Exit code 0: they"
        " agree; 1: they differ.",
    )
    parser.set_defaults(run=_parity)
    parser.add_argument("--ours", required=True, metavar="A", help="model that ours reads")
    parser.add_argument("--theirs", required=True, metavar="B", help="the other model")
    parser.add_argument(
        "--backend",
        choices=("transformers", "jax"),
        default="transformers",
        help="what runs B (transformers)",
    )
    parser.add_argument("--input", metavar="FILE", help="one input a line, prompts included")
    parser.add_argument("--beams", type=int, default=10, help="of the search (10)")
    parser.add_argument("--length", type=int, default=64, help="tokens of an answer (64)")


def _predict(arguments: argparse.Namespace) -> int:
    from t5chem.predict_command import predict

    return predict(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from t5chem.export import export_run

    export_run(arguments.model_dir, arguments.out, arguments.step)
    print(f"Written: {arguments.out}")
    return 0


def _parity(arguments: argparse.Namespace) -> int:
    from t5chem.parity import compare, open_side

    inputs = _parity_inputs(arguments.input)
    report = compare(
        open_side(arguments.ours, "jax"),
        open_side(arguments.theirs, arguments.backend),
        inputs,
        length=arguments.length,
        num_beams=arguments.beams,
    )
    print(report)
    return report.exit_code


def _parity_inputs(path: str | None) -> list[str]:
    if path is None:
        return [
            PROMPTS["mol2text"] + "CC(=O)Oc1ccccc1C(=O)O",
            PROMPTS["text2mol"] + "The molecule is ethanol.",
            PROMPTS["retrosynthesis"] + "CCOC(C)=O",
            PROMPTS["forward"] + "CC(=O)O.CCO",
            PROMPTS["paragraph2actions"] + "The mixture was stirred for 2 h and filtered.",
        ]
    try:
        with open(path, encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file if line.strip()]
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}.") from error
