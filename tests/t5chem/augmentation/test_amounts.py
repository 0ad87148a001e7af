"""Amounts: one factor, in both texts or in neither."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.actions import chemicals_of, parse_actions
from t5chem.augmentation.amounts import FACTORS, rescale_amounts, times

SUZUKI = (
    "To a solution of bromobenzene (1.57 g, 10.0 mmol) in toluene (25 mL) and water (5 mL) were"
    " added Pd(PPh3)4 (0.35 g, 3 mol%) and 2 M Na2CO3 (10 mL, 2 eq). The layers were washed with"
    " water (3×30 mL) to give 1.2 g (78%) of biphenyl.",
    "MAKESOLUTION with bromobenzene (1.57 g, 10.0 mmol) and toluene (25 mL) and water (5 mL); ADD"
    " SLN; ADD Pd(PPh3)4 (0.35 g, 3 mol%); ADD 2 M Na2CO3 (10 mL, 2 eq); WASH with water (30 mL) 3"
    " x; YIELD biphenyl (1.2 g, 78%).",
)


def rescaled(paragraph, answer, seed=0):
    return rescale_amounts(paragraph, answer, random.Random(seed))


def test_a_whole_procedure():
    seen = {rescaled(*SUZUKI, seed) for seed in range(60)}
    assert len(seen) == len(FACTORS)
    doubled = [answer for _, answer in seen if "(3.14 g, 20.0 mmol)" in answer]
    assert doubled == [
        "MAKESOLUTION with bromobenzene (3.14 g, 20.0 mmol) and toluene (50 mL) and water (10 mL);"
        " ADD SLN; ADD Pd(PPh3)4 (0.70 g, 3 mol%); ADD 2 M Na2CO3 (20 mL, 2 eq); WASH with water"
        " (60 mL) 3 x; YIELD biphenyl (2.4 g, 78%)."
    ]
    paragraph = next(text for text, answer in seen if answer == doubled[0])
    assert "(0.70 g, 3 mol%) and 2 M Na2CO3 (20 mL, 2 eq)" in paragraph
    assert "water (3×60 mL) to give 2.4 g (78%)" in paragraph


@pytest.mark.parametrize("seed", range(12))
def test_everything_but_amounts_stays(seed):
    before, after = (parse_actions(answer) for answer in (SUZUKI[1], rescaled(*SUZUKI, seed)[1]))
    assert [type(one) for one in before] == [type(one) for one in after]
    ratios = set()
    for old, new in zip(before, after, strict=True):
        for chemical, other in zip(chemicals_of(old), chemicals_of(new), strict=True):
            assert chemical.name == other.name
            for was, now in zip(chemical.quantities, other.quantities, strict=True):
                if was.endswith(("mol%", "eq", "%")):
                    assert was == now
                else:
                    assert was.split()[1] == now.split()[1]
                    ratios.add(round(float(now.split()[0]) / float(was.split()[0]), 2))
    assert len(ratios) == 1


@pytest.mark.parametrize(
    ("paragraph", "answer"),
    [
        # the paragraph writes it otherwise, or not at all
        ("Water (5.0 mL) was added.", "ADD Water (5 mL)."),
        ("Five mL of water was added.", "ADD water (5 mL)."),
        # twice, and once otherwise
        ("Water (5 mL) was added, then 5mL of brine.", "ADD Water (5 mL); ADD brine (5 mL)."),
        ("Water (5 mL) was added, then brine (5 ml).", "ADD Water (5 mL); ADD brine (5 mL)."),
        ("Water (5 mL) and brine (5 milliliters).", "ADD Water (5 mL); ADD brine (5 mL)."),
        # a part of something else
        ("Water (2-5 mL) was added.", "ADD Water (5 mL)."),
        ("Water (5 mL) was added to 2x5 mL of it.", "ADD Water (5 mL)."),
        ("It has 5 mL/mmol of water.", "ADD water (5 mL)."),
        ("Water (1,500 mL) was added.", "ADD Water (500 mL)."),
        # in a name
        (
            "A solution of 2 g of NaOH in water (2 g) was added.",
            "ADD solution of 2 g of NaOH in water (2 g).",
        ),
        # one of several is uncertain: all stay
        ("Water (5 mL) and brine (7 mL) were added.", "ADD Water (5 mL); ADD brine (7.0 mL)."),
        # no amounts, no actions
        ("Water was added.", "ADD Water."),
        ("NaOH (2 eq) was added.", "ADD NaOH (2 eq)."),
        ("Water (5 mL) was added.", "add water (5 mL)"),
        ("Water (5 mL) was added.", "ADD Water (5 mL) ."),
        ("Water (5 mL) was added.", ""),
        ("", "ADD Water (5 mL)."),
    ],
)
def test_left_alone_where_it_is_not_certain(paragraph, answer):
    assert {rescaled(paragraph, answer, seed) for seed in range(5)} == {(paragraph, answer)}


@pytest.mark.parametrize(
    ("paragraph", "answer"),
    [
        ("Water (5 mL) and brine (25 mL) were added.", "ADD Water (5 mL); ADD brine (25 mL)."),
        ("18.1 ml (18 mmol) of acid were added.", "ADD acid (18.1 ml, 18 mmol)."),
        ("500 μL of acid was used.", "ADD acid (500 μL)."),
        (
            "Washed with water and brine (50 mL each).",
            "WASH with water (50 mL); WASH with brine (50 mL).",
        ),
        ("2 grams of salt; 5 h", "ADD salt (2 grams); STIR for 5 h."),
    ],
)
def test_rescaled(paragraph, answer):
    for seed in range(5):
        changed = rescaled(paragraph, answer, seed)
        assert changed[0] != paragraph
        assert changed[1] != answer


def test_numbers_that_would_be_too_small_or_too_large_are_not_made():
    tiny = ("Acid (0.002 g) was added.", "ADD Acid (0.002 g).")
    huge = ("Acid (2400 mL) was added.", "ADD Acid (2400 mL).")
    for seed in range(40):
        assert 0.001 <= float(rescaled(*tiny, seed)[1].split("(")[1].split()[0]) < 0.02
        assert 100 < float(rescaled(*huge, seed)[1].split("(")[1].split()[0]) <= 5000


@pytest.mark.parametrize(
    ("number", "factor", "product"),
    [
        ("1.00", "2.5", "2.50"),
        ("1.0", "0.5", "0.5"),
        ("10", "0.25", "2.5"),
        ("5", "0.5", "2.5"),
        ("440", "1.5", "660"),
        ("163", "1.5", "244"),
        ("1.653", "0.25", "0.4132"),
        ("12.75", "2.5", "31.88"),
        ("0.43", "0.2", "0.086"),
        ("0.050", "4", "0.200"),
        ("1500", "0.2", "300"),
        ("0", "5", "0"),
    ],
)
def test_products_as_written(number, factor, product):
    assert times(number, Decimal(factor)) == product


@given(st.decimals("0.01", "5000", places=2), st.sampled_from(FACTORS))
def test_products_are_right_to_three_figures(number, factor):
    product = times(f"{number:f}", factor)
    assert "E" not in product
    assert abs(Decimal(product) / (number * factor) - 1) <= Decimal("0.005")
