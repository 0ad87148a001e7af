"""What huge pages, and leaving XLA's YNN kernels out, are worth to a step of the tiny model.

    python benchmarks/cpu_settings.py [--rounds 6] [--steps 20]

takes turns: each round runs `--steps` steps under every setting, each in a process of its own, and
the table gives the median seconds and processor seconds of a step, and their ratio to the plain
setting of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
NO_YNN = {"xla_cpu_experimental_ynn_fusion_type": ""}
SETTINGS = {
    "plain": ({}, {}),
    "huge pages": (HUGE_PAGES, {}),
    "no YNN": ({}, NO_YNN),
    "both": (HUGE_PAGES, NO_YNN),
}


def measure(steps: int, options: dict[str, str]) -> dict[str, float]:
    """Seconds and processor seconds of a gradient of the tiny model, four rows of 256 + 192."""
    import jax
    import jax.numpy as jnp

    from t5x.examples.t5 import network
    from t5x.losses import compute_weighted_cross_entropy

    config = network.T5Config(
        vocab_size=4608, emb_dim=128, num_heads=2, num_encoder_layers=2, num_decoder_layers=2,
        head_dim=64, mlp_dim=512, dropout_rate=0.0, logits_via_embedding=True,
    )  # fmt: skip
    module = network.Transformer(config)
    source, target = jnp.ones((4, 256), jnp.int32), jnp.ones((4, 192), jnp.int32)
    params = module.init(jax.random.key(0), source, target, target, enable_dropout=False)["params"]

    def loss(params):
        logits = module.apply({"params": params}, source, target, target, enable_dropout=False)
        return compute_weighted_cross_entropy(logits, target)[0]

    step = jax.jit(jax.grad(loss), compiler_options=options)
    jax.block_until_ready(step(params))
    begin, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        jax.block_until_ready(step(params))
    return {
        "seconds": (time.perf_counter() - begin) / steps,
        "processor": (time.process_time() - processor) / steps,
    }


def in_own_process(name: str, steps: int) -> dict[str, float]:
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"} | SETTINGS[name][0]
    command = [sys.executable, __file__, "--measure", name, "--steps", str(steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--measure", choices=SETTINGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.steps, SETTINGS[args.measure][1])))
        return
    rounds = [
        {name: in_own_process(name, args.steps) for name in SETTINGS} for _ in range(args.rounds)
    ]
    print(f"{'setting':12s} {'ms a step':>10s} {'ratio':>6s} {'CPU ms':>8s} {'ratio':>6s}")
    for name in SETTINGS:
        cells = []
        for kind in ("seconds", "processor"):
            taken = statistics.median(r[name][kind] for r in rounds)
            ratio = statistics.median(r[name][kind] / r["plain"][kind] for r in rounds)
            cells += [f"{taken * 1e3:.0f}", f"{ratio:.2f}"]
        print("{:12s} {:>10s} {:>6s} {:>8s} {:>6s}".format(name, *cells))


if __name__ == "__main__":
    main()
