"""Corpora that need no download: real molecules, reactions and procedures made on the spot."""
