"""`python -m t5chem` is the command `t5chem`."""

import sys

from t5chem.cli import main

sys.exit(main())
