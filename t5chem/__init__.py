"""Text+Chem T5: one multi-task T5 that speaks chemistry and English."""
