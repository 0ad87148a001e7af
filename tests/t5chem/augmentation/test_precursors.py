import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.augmentation.precursors import shuffle_precursors

MIXTURES = st.lists(st.sampled_from(["CO", "CCO", "[Na+]~[OH-]", "O", "c1ccccc1"]), min_size=1)


@given(MIXTURES, st.integers(0, 10**6))
def test_the_same_compounds_in_another_order(compounds, seed):
    mixture = ".".join(compounds)
    shuffled = shuffle_precursors(mixture, random.Random(seed))
    assert sorted(shuffled.split(".")) == sorted(compounds)
    assert (shuffled == mixture) == (len(set(compounds)) == 1)


@pytest.mark.parametrize("mixture", ["", "CO", "CO.CO", "[Na+]~[OH-]"])
def test_one_order_only(mixture):
    assert shuffle_precursors(mixture, random.Random(0)) == mixture
