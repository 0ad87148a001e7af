"""What `--valid-smiles` does to validity and to exact match.

    python benchmarks/valid_smiles.py tiny-model [--rows 200] [--temperature 1.0]

asks a model for the molecules of the starter corpus' test descriptions with the mask and without
it, greedily, with the model's own beams and by draws, and prints a table: answers that RDKit parses
(syntax, what the mask promises), answers that it also sanitises (chemistry), answers that are the
molecule described, and seconds of processor time. Answers are the best of their row.
"""

import argparse
import time

import tensorflow_datasets as tfds
from rdkit import Chem

from t5chem import Predictor
from t5chem.corpora.starter import Starter
from t5chem.smiles import canonical


def test_rows(count):
    """The first descriptions of the test split, with the SMILES they describe."""
    builder = Starter(config="molecules")
    builder.download_and_prepare()
    rows = tfds.as_numpy(builder.as_dataset(split=f"test[:{count}]"))
    return [(row["description"].decode(), row["smiles"].decode()) for row in rows]


def parses(text):
    return bool(text) and Chem.MolFromSmiles(text, sanitize=False) is not None


def measure(predictor, rows, **options):
    """Shares of the rows, and processor seconds of a second run, which compiles nothing."""
    texts = [description for description, _ in rows]
    predictor.text2mol(texts, top=1, **options)
    begin = time.process_time()
    results = predictor.text2mol(texts, top=1, **options)
    seconds = time.process_time() - begin
    answers = [(result.best, smiles) for result, (_, smiles) in zip(results, rows, strict=True)]
    counts = (
        sum(parses(answer.text) for answer, _ in answers),
        sum(bool(answer.valid) for answer, _ in answers),
        sum(answer.canonical == canonical(smiles) for answer, smiles in answers),
    )
    return (*(count / len(rows) for count in counts), seconds)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", help="model folder, run or checkpoint")
    arguments.add_argument("--rows", type=int, default=200)
    arguments.add_argument("--temperature", type=float, default=1.0, help="of the draws")
    args = arguments.parse_args()
    predictor, rows = Predictor.load(args.model), test_rows(args.rows)
    beams = predictor.model.generation["num_beams"]
    print("| decoding | `--valid-smiles` | parses | valid | exact | processor seconds |")
    print("|---|---|---|---|---|---|")
    for name, options in {
        "greedy": {"num_beams": 1},
        f"{beams} beams": {"num_beams": beams},
        "one draw": {"num_samples": 1, "temperature": args.temperature},
    }.items():
        for masked in (False, True):
            *shares, seconds = measure(predictor, rows, valid_smiles=masked, **options)
            figures = " | ".join(f"{share:.3f}" for share in shares)
            said = "yes" if masked else "no"
            print(f"| {name} | {said} | {figures} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
