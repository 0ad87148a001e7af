"""The Transformer of 2017, with positions of its own and biases: a baseline beside T5."""
