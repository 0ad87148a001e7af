"""What a training step costs, against a matrix product of the same machine and minute.

    python benchmarks/train_step.py [--rows 8] [--source 256] [--target 128]

prints seconds a step of T5 1.0 small (60 M parameters, float32, dropout 0.1, Adafactor), the
arithmetic it contains, and which share of the machine's own matrix-product rate it reaches.
"""

import argparse
import time

import jax
import jax.numpy as jnp

from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.examples.t5 import network
from t5x.initialization import TrainStateInitializer, count_parameters
from t5x.models import EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.schedules import create_learning_rate_scheduler
from t5x.trainer import Trainer


class Vocabulary:
    eos_id = 1
    vocab_size = 32128


def fastest(function, repeats=5):
    """Seconds of the fastest of some calls, the first (which compiles) left out."""
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - begin)
    return min(times)


def matrix_product_rate(size=2048):
    """Floating-point operations a second of a square float32 matrix product."""
    x = jnp.ones((size, size), jnp.float32)
    product = jax.jit(jnp.dot)
    return 2 * size**3 / fastest(lambda: product(x, x))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--source", type=int, default=256)
    parser.add_argument("--target", type=int, default=128)
    args = parser.parse_args()

    model = EncoderDecoderModel(
        module=network.Transformer(
            network.T5Config(vocab_size=32128, logits_via_embedding=True, dropout_rate=0.1)
        ),
        input_vocabulary=Vocabulary(),
        output_vocabulary=Vocabulary(),
        optimizer_def=Adafactor(logical_factor_rules=standard_logical_factor_rules()),
    )
    source, target = (args.rows, args.source), (args.rows, args.target)
    batch = {
        "encoder_input_tokens": jnp.full(source, 5, jnp.int32),
        "decoder_input_tokens": jnp.full(target, 5, jnp.int32),
        "decoder_target_tokens": jnp.full(target, 5, jnp.int32),
    }
    partitioner = PjitPartitioner()
    initializer = TrainStateInitializer(
        model.optimizer_def,
        model.get_initial_variables,
        {name: value.shape for name, value in batch.items()},
        partitioner,
    )
    trainer = Trainer(
        model=model,
        train_state=initializer.from_scratch(jax.random.key(0)),
        partitioner=partitioner,
        eval_names=[],
        summary_dir=None,
        train_state_axes=initializer.train_state_axes,
        rng=jax.random.key(1),
        learning_rate_fn=create_learning_rate_scheduler("constant", 0.001),
        num_microbatches=None,
    )
    forever = iter(lambda: batch, None)
    seconds = fastest(lambda: trainer.train(forever, 1)["loss"], repeats=3)
    parameters = count_parameters(trainer.train_state)
    # Forward and backward of a token through its half of the layers, embedding included once.
    flops = 6 * (parameters / 2) * args.rows * (args.source + args.target)
    rate = matrix_product_rate()
    print(f"parameters                 {parameters:,}")
    print(f"a step                     {seconds:.2f} s")
    print(f"arithmetic of a step       {flops / 1e9:.0f} GFLOP (6 x parameters x tokens)")
    print(f"matrix products here       {rate / 1e9:.0f} GFLOP/s")
    print(f"share of that rate         {flops / seconds / rate:.0%}")


if __name__ == "__main__":
    main()
