"""The beam search of `transformers`, against a plain restatement and against itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.parity import cut
from t5x import huggingface
from t5x.beam_search import hf_beam_search
from t5x.examples.t5 import network
from t5x.models import EncoderDecoderModel
from tests.t5x.markov_chains import EOS, LENGTH, VOCAB, bos, log_softmax, markov, pad, tables
from tests.t5x.markov_chains import random_table as table_of
from tests.t5x.toy_model import Vocabulary

STATIC = ["tokens_to_logits", "eos_id", "num_decodes", "length_penalty", "early_stopping"]
STATIC += ["drop_unfinished"]
search = jax.jit(hf_beam_search, static_argnames=STATIC)


def plain_search(table, beams, penalty, early_stopping):
    """The documented rules in plain Python: (sequences, scores), worst first."""
    log_probs = log_softmax(table)
    live, ended = [(0.0, ())], []
    for n in range(1, LENGTH + 1):
        extensions = sorted(
            (
                (log_prob + log_probs[n - 1, s[-1] if s else 0, token], (*s, token))
                for log_prob, s in live
                for token in range(VOCAB)
            ),
            reverse=True,
        )[: 2 * beams]
        last = n == LENGTH
        ended += [
            (log_prob / n**penalty, s) for log_prob, s in extensions[:beams] if last or s[-1] == EOS
        ]
        ended = sorted(ended, reverse=True)[:beams]
        live = [(log_prob, s) for log_prob, s in extensions if s[-1] != EOS][:beams]
        if len(ended) == beams and early_stopping is True:
            break
        longest = LENGTH if early_stopping == "never" and penalty > 0 else n
        if len(ended) == beams and live[0][0] / longest**penalty <= ended[-1][0]:
            break
    return [pad(s) for _, s in ended[::-1]], [score for score, _ in ended[::-1]]


@pytest.mark.parametrize(
    ("beams", "penalty", "early_stopping"),
    [(1, 1.0, False), (3, 1.0, False), (3, 1.0, True), (2, 2.0, "never"), (2, -1.0, False)],
)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_equals_the_plain_restatement(beams, penalty, early_stopping, seed):
    both = [table_of(seed), table_of(seed + 1, scale=0.5)]
    tokens, scores = search(
        bos(2), tables(*both), markov, EOS,
        num_decodes=beams, length_penalty=penalty, early_stopping=early_stopping,
    )  # fmt: skip
    for row, table in enumerate(both):
        expected_tokens, expected_scores = plain_search(table, beams, penalty, early_stopping)
        np.testing.assert_allclose(scores[row], expected_scores, rtol=1e-5, atol=1e-5)
        if np.min(np.diff(expected_scores), initial=1.0) > 1e-4:
            assert tokens[row].tolist() == expected_tokens


def test_beams_that_do_not_end_count_at_the_last_place():
    endless = np.zeros((LENGTH, VOCAB, VOCAB), np.float32)
    endless[..., EOS] = -1e4
    tokens, scores = search(bos(), tables(endless), markov, EOS, num_decodes=2)
    assert not np.any(np.asarray(tokens) == EOS)
    np.testing.assert_allclose(scores, np.log(1 / (VOCAB - 1)) * np.ones((1, 2)), rtol=1e-5)


@pytest.mark.parametrize(("penalty", "early_stopping"), [(1.0, False), (0.5, True)])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_a_row_that_is_done_early_is_that_of_a_longer_search_and_others_are_empty(
    penalty, early_stopping, seed
):
    each = [table_of(seed + row, scale=2.0) for row in range(6)]
    each[5][..., EOS] = -1e4  # never ends
    arguments = {
        "eos_id": EOS, "num_decodes": 2, "length_penalty": penalty, "early_stopping": early_stopping
    }  # fmt: skip
    long, scores = search(bos(6), tables(*each), markov, **arguments)
    inputs = jnp.zeros((6, LENGTH - 1), jnp.int32)
    short, short_scores = search(inputs, tables(*each), markov, drop_unfinished=True, **arguments)
    done = np.asarray(short_scores)[:, -1] > -1e6
    assert not done[5] and not np.any(np.asarray(short)[~done])
    assert np.all(np.asarray(short_scores)[~done] == -1e7)
    np.testing.assert_array_equal(short_scores[done], scores[done])
    np.testing.assert_array_equal(np.pad(short, ((0, 0), (0, 0), (0, 1)))[done], long[done])


def test_short_searches_are_done_and_refused_where_they_look_ahead():
    sure = np.full((LENGTH, VOCAB, VOCAB), -9.0, np.float32)
    sure[0, :, 2] = sure[1, :, EOS] = 9.0
    inputs = jnp.zeros((1, 3), jnp.int32)
    tokens, _ = search(inputs, tables(sure), markov, EOS, num_decodes=1, drop_unfinished=True)
    assert tokens.tolist() == [[[2, EOS, 0]]]
    with pytest.raises(ValueError, match="looks ahead to the last place"):
        hf_beam_search(
            inputs, {}, markov, EOS, num_decodes=1, drop_unfinished=True, early_stopping="never"
        )


@pytest.fixture(scope="module")
def theirs():
    """A random T5 of `transformers` in which sequences end at all lengths."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(3)
    torch.set_num_threads(1)  # more of them wait for each other on a busy machine
    config = transformers.T5Config(
        vocab_size=48, d_model=16, d_kv=4, d_ff=32, num_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        model.shared.weight[EOS] *= 1.5
    return model


@pytest.mark.parametrize(
    ("penalty", "early_stopping"),
    [
        (1.0, False),
        pytest.param(2.0, True, marks=pytest.mark.slow),
        pytest.param(0.5, "never", marks=pytest.mark.slow),
        pytest.param(-1.0, False, marks=pytest.mark.slow),
    ],
)
def test_equals_transformers(theirs, tmp_path, penalty, early_stopping):
    torch = pytest.importorskip("torch")
    theirs.save_pretrained(tmp_path)
    config, params = huggingface.read_folder(str(tmp_path))
    model = EncoderDecoderModel(
        network.Transformer(config),
        Vocabulary(),
        Vocabulary(),
        decode_fn=hf_beam_search,
        default_decoder_params={"length_penalty": penalty, "early_stopping": early_stopping},
    )
    inputs = np.random.default_rng(1).integers(3, 48, (6, 9)).astype(np.int32)
    inputs[::2, 5:] = 0
    batch = {"encoder_input_tokens": inputs, "decoder_input_tokens": jnp.zeros((6, 12), jnp.int32)}
    ours, aux = jax.jit(
        lambda params, batch: model.predict_batch_with_aux(
            params, batch, num_decodes=4, return_all_decodes=True
        )
    )(traverse_util.unflatten_dict(params, sep="/"), batch)
    answer = theirs.generate(
        torch.tensor(inputs), attention_mask=torch.tensor(inputs > 0).long(), max_new_tokens=12,
        num_beams=4, num_return_sequences=4, length_penalty=penalty, early_stopping=early_stopping,
        do_sample=False, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    scores = np.asarray(aux["scores"])[:, ::-1].reshape(-1)
    np.testing.assert_allclose(scores, answer.sequences_scores.numpy(), rtol=1e-4, atol=1e-5)
    expected = [cut(row) for row in answer.sequences[:, 1:].numpy()]
    assert [cut(row) for row in np.asarray(ours)[:, ::-1].reshape(24, -1)] == expected
