"""Systems side by side: `python -m t5chem.compare --suite gin/suites/tiny.gin --out comparison`.

A suite names systems, sizes and seeds (`suite`). Each combination is a cell: one training run of
`python -m t5x.train` with the gin files and bindings that the suite says (`cells`). Cells are run
one after the other, a few at once, or as tasks of a cluster (`running`, `cluster`); each is scored
with the project's own metrics when it ends (`scoring`). What was finished is not run again. Tables
and a page are written from the scores alone (`summary`, `tables`, `page`).
"""
