"""T5's SentencePiece model, and a small one of its kind for machines that lack it."""

import pytest
import sentencepiece

T5_TEXTS = [
    "The molecule is a primary alcohol that is ethane in which one hydrogen is replaced.",
    "CC(=O)Oc1ccccc1C(=O)O CN1C=NC2=C1C(=O)N(C(=O)N2C)C CCCCCC F/C=C/Cl",
    "Numbers 0123456789; symbols !\"#$%&()*+,-./:;=>?@[]_|' and ABCDEFGHIJKLMNOPQRSTUVWXYZ.",
    "abcdefghijklmnopqrstuvwxyz at 25 °C",
] * 5


@pytest.fixture(scope="session")
def google_file(shared):
    return str(shared / "data/t5_vocabulary/spiece.model")


@pytest.fixture(scope="session")
def toy_t5_file(tmp_path_factory):
    """A model with T5's settings: normalised by nmt_nfkc, with a space put before the text."""
    file = tmp_path_factory.mktemp("toy_t5") / "spiece.model"
    with file.open("wb") as writer:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(T5_TEXTS),
            model_writer=writer,
            vocab_size=180,
            hard_vocab_limit=False,
            normalization_rule_name="nmt_nfkc",
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
        )
    return str(file)
