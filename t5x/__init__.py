"""T5X's interface on today's JAX: train, evaluate and decode encoder-decoder models.

Importing this package imports nothing else: `t5x.models`, `t5x.decoding` and the network work
without TensorFlow, SeqIO and gin, which only training and evaluation load.
"""
