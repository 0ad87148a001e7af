"""Networks that come with the engine."""
