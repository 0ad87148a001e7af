"""What feeds a run: packed rows a second of tf.data and of a stream, against what a TPU slice eats.

    nice -n 19 python benchmarks/input_pipeline.py [--mixture starter] [--module tasks]

Both give batches of model features (tokenised, packed; augmented if the mixture's tasks augment).
A rate by the clock needs an idle machine. A rate by processor time does not: rows for each second
that a core was busy, times two cores. For tf.data that is more than it can reach, because it calls
Python to tokenise and to pack, one thread at a time.

The slice is eight TPU v5e chips that train T5 1.0 base in bfloat16; arithmetic is counted from the
sizes of its matrices, three times the forward pass.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from t5x.data import Batch, DatasetConfig, ShardInfo, batches, get_dataset, import_module, seqio
from t5x.materialize import materialize
from t5x.packing import FirstFitFeatureConverter
from t5x.quiet import drop_native_chatter
from t5x.stream import Stream

CORES = 2
CHIPS = 8
PEAK = 197e12  # bfloat16 operations a second of a TPU v5e chip, as Google publishes them
# Assumed: a well-tuned run of this size. Memory allows little more: T5X's step, compiled for this
# slice, moves 239 GB a chip for 256 rows, which takes 0.29 s at 819 GB/s, or 877 rows a second.
MFU = 0.5

LAYERS, EMBED, INNER, MLP, VOCABULARY = 12, 768, 12 * 64, 3072, 32128


def training_operations(source: int, target: int) -> float:
    """Operations of a row of `source` and `target` tokens, forward and backward."""
    projection, feed_forward = 2 * EMBED * INNER, 2 * 2 * EMBED * MLP
    encoder = source * (4 * projection + feed_forward + 4 * source * INNER)
    decoder = target * (6 * projection + feed_forward + 4 * (target + source) * INNER)
    keys_and_values = source * 2 * projection  # of the encoder's output, for every decoder layer
    forward = LAYERS * (encoder + decoder + keys_and_values) + target * 2 * EMBED * VOCABULARY
    return 3 * forward


def rows_eaten(lengths: Mapping[str, int]) -> float:
    """Rows a second that the slice trains on."""
    return CHIPS * PEAK * MFU / training_operations(lengths["inputs"], lengths["targets"])


class Rate:
    """What a source gives: rows and examples by the clock and by processor time."""

    def __init__(self, iterator: Iterator[Batch], count: int) -> None:
        next(iterator)  # opens files, fills buffers
        begin, busy = time.perf_counter(), time.process_time()
        self.rows = self.examples = 0
        for _ in range(count):
            segments = next(iterator)["decoder_segment_ids"]
            self.rows += len(segments)
            self.examples += int(segments.max(1).sum())
        self.seconds = time.perf_counter() - begin
        self.busy = time.process_time() - busy

    def line(self, name: str, eaten: float) -> str:
        by_clock, by_core = self.rows / self.seconds, self.rows / self.busy
        return (
            f"{name:<34}{by_clock:>8,.0f}{by_core * CORES:>14,.0f}"
            f"{by_core * CORES * self.examples / self.rows:>14,.0f}{by_core * CORES / eaten:>14.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mixture", default="starter")
    parser.add_argument("--module", default="tasks")
    parser.add_argument("--inputs", type=int, default=512)
    parser.add_argument("--targets", type=int, default=512)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--examples", type=int, default=20_000, help="of the stream")
    args = parser.parse_args()

    drop_native_chatter()
    import_module(args.module)
    lengths = {"inputs": args.inputs, "targets": args.targets}
    cfg = DatasetConfig(
        mixture_or_task_name=args.mixture,
        task_feature_lengths=lengths,
        split="train",
        batch_size=args.batch_size,
        shuffle=True,
        seed=0,
        pack=True,
        module=args.module,
    )
    everything = ShardInfo(0, 1)
    rates = {
        f"tf.data, {name}": Rate(batches(get_dataset(cfg, everything, converter)), args.batches)
        for name, converter in (
            ("SeqIO's packing", seqio.EncDecFeatureConverter),
            ("first fit, four rows", FirstFitFeatureConverter),
        )
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(Path(temporary) / "stream")
        busy = time.process_time()
        header = materialize(cfg, folder, examples=args.examples, say=lambda line: None)
        writing = time.process_time() - busy
        stream = Stream(folder)(cfg, everything).batches_from(0)
        rates["stream"] = Rate(stream, 5 * args.batches)

    eaten = rows_eaten(lengths)
    operations = training_operations(args.inputs, args.targets)
    print(f"{args.mixture}: rows of {lengths}, batches of {args.batch_size}\n")
    print(f"a row of T5 base          {operations / 1e12:.2f} TFLOP, forward and backward")
    print(f"eight TPU v5e chips eat   {eaten:,.0f} rows/s at an assumed MFU of {MFU:.0%} of "
          f"{PEAK / 1e12:.0f} TFLOP/s\n")  # fmt: skip
    print(f"{'':<34}{'by clock':>8}{f'{CORES} cores busy':>14}{'':>14}{'':>14}")
    print(f"{'':<34}{'rows/s':>8}{'rows/s':>14}{'examples/s':>14}{'of the need':>14}")
    for name, rate in rates.items():
        print(rate.line(name, eaten))
    filled = ", ".join(f"{name} {share:.0%}" for name, share in header.filled.items())
    size = sum(shard.bytes for shard in header.shards) / header.rows
    print(f"\nstream: {header.examples / header.rows:.1f} examples a row, filled: {filled}, "
          f"{size:,.0f} bytes a row")  # fmt: skip
    print(f"made at {header.examples / writing:,.0f} examples a second of one busy core: "
          f"{writing / header.examples * 1e6 / 60:,.0f} minutes for a million")  # fmt: skip


if __name__ == "__main__":
    main()
