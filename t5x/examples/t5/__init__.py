"""The T5 network and its published sizes."""
