"""What a training step of T5 1.0 base costs on a TPU slice, by compiling it; no TPU is needed.

    python benchmarks/tpu_step.py [--topology v5e:2x4] [--optimizer adamw|adafactor] [--plain]
        [--num_microbatches 4]

compiles the step of 256 packed rows of 512 + 512 tokens (bfloat16, dropout 0.1, data parallel) with
PyPI's `libtpu` (`pip install -e '.[preflight]'`) and prints what a chip of the slice does in it:
seconds of compilation (wall clock and processor), arithmetic beside the model's own count, bytes
moved, memory. Loop bodies count as often as they run and kernels with their operands and results
(`t5x.compiled_costs`).
"""

import argparse
import dataclasses
import time

import jax
import jax.numpy as jnp

from t5x.abstract_devices import abstract_devices
from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.compiled_costs import compiled_costs
from t5x.examples.t5 import network
from t5x.hardware import parse_topology
from t5x.initialization import TrainStateInitializer
from t5x.model_costs import step_flops
from t5x.models import EncoderDecoderModel
from t5x.optimizers import adamw
from t5x.partitioning import PjitPartitioner
from t5x.schedules import create_learning_rate_scheduler
from t5x.trainer import Trainer

FEATURES = [
    f"{side}_{name}"
    for side, names in {
        "encoder": ("input_tokens", "segment_ids", "positions"),
        "decoder": ("input_tokens", "target_tokens", "loss_weights", "segment_ids", "positions"),
    }.items()
    for name in names
]
# As gin/engine/tpu.gin sets them.
FAST = {"scan_layers": True, "remat_policy": "minimal", "attention_kernel": "pallas"}
LOSS_CHUNKS = 8
BASE = network.T5Config(
    vocab_size=32128,
    dtype=jnp.bfloat16,
    emb_dim=768,
    num_heads=12,
    num_encoder_layers=12,
    num_decoder_layers=12,
    head_dim=64,
    mlp_dim=3072,
    logits_via_embedding=True,
    dropout_rate=0.1,
)
OPTIMIZERS = {
    "adafactor": lambda: Adafactor(logical_factor_rules=standard_logical_factor_rules()),
    "adamw": lambda: adamw(weight_decay=0.01),
}


class Vocabulary:
    eos_id = 1
    vocab_size = BASE.vocab_size


def lowered_step(config, optimizer, loss_chunks, partitioner, rows, length, num_microbatches):
    """The step as it goes to the compiler, and the model's own count of all chips' FLOPs."""
    model = EncoderDecoderModel(
        network.Transformer(config), Vocabulary(), Vocabulary(), optimizer,
        z_loss=1e-4, loss_chunks=loss_chunks,
    )  # fmt: skip
    shapes = {name: (rows, length) for name in FEATURES}
    initializer = TrainStateInitializer(optimizer, model.get_initial_variables, shapes, partitioner)
    trainer = Trainer(
        model=model,
        train_state=initializer.global_train_state_shape,
        partitioner=partitioner,
        eval_names=[],
        summary_dir=None,
        train_state_axes=initializer.train_state_axes,
        rng=jax.eval_shape(lambda: jax.random.key(0)),
        learning_rate_fn=create_learning_rate_scheduler("constant", 0.001),
        num_microbatches=num_microbatches,
    )
    batch = {name: jax.ShapeDtypeStruct(shape, jnp.int32) for name, shape in shapes.items()}
    return trainer.lower(batch), step_flops(trainer.train_state.params, shapes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topology", default="v5e:2x4")
    parser.add_argument("--optimizer", default="adamw", choices=OPTIMIZERS)
    parser.add_argument("--plain", action="store_true", help="as without gin/engine/tpu.gin")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--remat_policy", default="minimal")
    parser.add_argument("--num_microbatches", type=int, default=4, help="1 computes a batch whole")
    args = parser.parse_args()

    jax.config.update("jax_enable_compilation_cache", False)
    jax.config.update("jax_default_prng_impl", "unsafe_rbg")
    devices = abstract_devices(parse_topology(args.topology))
    partitioner = PjitPartitioner(devices=devices)
    fast = {} if args.plain else FAST | {"remat_policy": args.remat_policy}
    sizes = {"num_encoder_layers": args.layers, "num_decoder_layers": args.layers}
    config = dataclasses.replace(BASE, **sizes, **fast)

    begin, begin_processor = time.perf_counter(), time.process_time()
    lowered, own = lowered_step(
        config, OPTIMIZERS[args.optimizer](), None if args.plain else LOSS_CHUNKS, partitioner,
        args.rows, args.length, args.num_microbatches,
    )  # fmt: skip
    traced = time.perf_counter() - begin
    compiled = lowered.compile()
    seconds, processor = time.perf_counter() - begin, time.process_time() - begin_processor
    memory, costs = compiled.memory_analysis(), compiled_costs(compiled)
    own /= len(devices)
    print(f"traced and compiled        {seconds:.0f} s ({traced:.0f} s traced)")
    print(f"  processor time of it     {processor:.0f} s")
    print(f"arithmetic of a chip       {costs.flops / 1e12:.2f} TFLOP")
    print(f"  the model's own count    {own / 1e12:.2f} TFLOP ({costs.flops / own - 1:+.1%})")
    print(f"bytes of a chip            {costs.hbm_bytes / 1e9:.1f} GB to and from HBM")
    print(f"  with vector memory       {costs.bytes_accessed / 1e9:.1f} GB")
    allocated = memory.peak_memory_in_bytes - memory.argument_size_in_bytes
    print(f"temporaries of a chip      {allocated / 1e9:.2f} GB allocated at the peak")
    print(f"  temp_size_in_bytes says  {memory.temp_size_in_bytes / 1e9:.2f} GB")
    print(f"state and batch of a chip  {memory.argument_size_in_bytes / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
