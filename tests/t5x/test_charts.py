"""Ticks, number texts, label placement, thinning, and the pictures themselves."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5x.charts import (
    Frame,
    Series,
    line_chart,
    log_ticks,
    precise_number,
    short_number,
    spread,
    thinned,
    ticks,
)

NAN, INF = math.nan, math.inf


def texts(svg: str, tag: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(tag)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.13, 0.92, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 20000, [0, 5000, 10000, 15000, 20000]),
        (-0.3, 0.3, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]),
        (0, 6e-4, [0, 1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4]),
    ],
)
def test_ticks(low, high, expected):
    assert ticks(low, high) == expected


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_enclose_the_range_and_are_few(low, span):
    high = low + max(span, abs(low) * 1e-6)
    marks = ticks(low, high)
    slack = (high - low) * 1e-3
    assert marks[0] <= low + slack and marks[-1] >= high - slack
    assert 2 <= len(marks) <= 9
    assert marks == sorted(set(marks))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.3, 4, [0.2, 0.5, 1, 2, 5]),
        (1, 10, [1, 2, 5, 10]),
        (2e-4, 30, [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]),
    ],
)
def test_log_ticks(low, high, expected):
    assert log_ticks(low, high) == expected


def test_numbers():
    assert [short_number(n) for n in (12345678, 999, 0.00012, -0.5, NAN, INF, -INF)] == [
        *("12.35M", "999", "1.2e-4", "-0.5", "NaN", "∞", "−∞"),
    ]
    assert [precise_number(n) for n in (0.5, 123.456, 6e-4, 41000.0)] == [
        *("0.5000", "123.5", "6e-4", "41k"),
    ]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=7))
def test_spread_keeps_distance_and_order(positions):
    placed = spread(positions, gap=10, low=0, high=100)
    order = sorted(range(len(positions)), key=positions.__getitem__)
    ranked = [placed[index] for index in order]
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(ranked))
    assert min(placed) >= -1e-9 and max(placed) <= 100


def test_spread_leaves_room_alone():
    assert spread([50.0, 10.0], gap=10, low=0, high=100) == [50.0, 10.0]
    assert spread([99.0, 98.0], gap=10, low=0, high=100) == [100.0, 90.0]


def test_frame_maps_corners():
    frame = Frame(0, 10, [1, 10, 100], True, left=50, right=150, top=20, bottom=220)
    assert (frame.x(0), frame.x(5), frame.x(10)) == (50, 100, 150)
    assert [frame.y(v) for v in (1, 10, 100)] == pytest.approx([220, 120, 20])


def test_frame_maps_decades_evenly_where_steps_are_logarithmic():
    frame = Frame(1e6, 1e8, [0, 1], False, left=0, right=100, top=0, bottom=10, log_x=True)
    assert [frame.x(size) for size in (1e6, 1e7, 1e8)] == pytest.approx([0, 50, 100])


def test_chart_over_something_else_than_steps():
    points = [(1.5e6, 0.2), (60e6, 0.5), (220e6, 0.7)]
    svg = line_chart([Series("T5", points, "red")], "x", x_label="parameters", log_x=True)
    assert {"parameters", "10M", "100M"} <= set(texts(svg, "text"))
    assert "step" not in texts(svg, "text")
    assert texts(svg, "title")[0] == "parameters 1,500,000\nT5 0.2000"


def test_thinning_keeps_ends_peaks_and_holes():
    points = [(float(step), 1.0) for step in range(10_000)]
    points[4321] = (4321.0, 50.0)
    points[7000] = (7000.0, NAN)
    kept = thinned(Series("x", points, "red")).points
    assert len(kept) <= 260
    assert kept[0] == points[0] and kept[-1] == points[-1]
    assert (4321.0, 50.0) in kept
    assert [step for step, value in kept if math.isnan(value)] == [7000.0]
    assert list(kept) == sorted(kept, key=lambda point: point[0])


def test_short_curves_are_not_thinned():
    series = Series("x", [(0, 1.0), (1, 2.0)], "red")
    assert thinned(series) is series


def test_chart_says_names_steps_and_values():
    svg = line_chart([Series("loss", [(0, 4.0), (100, 1.5)], "var(--c0)")], "Loss over steps")
    assert ET.fromstring(svg).get("aria-label") == "Loss over steps"
    assert {"loss", "step", "0", "4", "100"} <= set(texts(svg, "text"))
    assert texts(svg, "title") == ["step 0\nloss 4.000", "step 100\nloss 1.500"]


def test_values_that_are_not_finite_break_the_line_and_leave_a_cross():
    points = [(0, 1.0), (1, 2.0), (2, NAN), (3, 1.0), (4, INF)]
    svg = line_chart([Series("loss", points, "red")], "loss")
    line = next(e for e in ET.fromstring(svg).iter("path") if e.get("class") == "line")
    cross = next(e for e in ET.fromstring(svg).iter("path") if e.get("class") == "cross")
    assert line.get("d").count("M") == 2 and line.get("d").count("L") == 1
    assert cross.get("d").count("l8 8") == 2
    assert "nan" not in svg and "inf" not in svg
    assert "step 2\nloss NaN" in texts(svg, "title")


@pytest.mark.parametrize("points", [[], [(0, NAN)], [(0, INF), (5, NAN)]])
def test_nothing_to_draw(points):
    assert line_chart([Series("loss", points, "red")], "loss") == ""


@pytest.mark.parametrize("points", [[(7, 0.0)], [(7, 3.0), (9, 3.0)], [(0, -2.0)], [(5, 1e-12)]])
def test_one_point_and_flat_curves_can_be_drawn(points):
    assert line_chart([Series("x", points, "red")], "x").startswith("<svg")


def test_names_are_escaped():
    svg = line_chart([Series("<script>&", [(0, 1.0)], "red")], '"<b>')
    assert "<script>" not in svg and "<b>" not in svg
    assert "<script>&" in texts(svg, "text")
