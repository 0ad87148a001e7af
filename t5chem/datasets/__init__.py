"""Public datasets and tables of one's own, as records that the tasks can ask and answer."""
