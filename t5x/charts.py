"""Line charts as inline SVG text: no plotting library, no script, no fonts from elsewhere.

Colours are CSS variables (`--c0` to `--c7`, `--ink`, `--muted`, `--grid`, `--panel`) that the page
defines, so that one chart serves a light and a dark theme. Hovering a step shows every value there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

Point = tuple[float, float]

COLOURS: Final = 8  # how many `--c<i>` a page defines
_MAX_POINTS: Final = 240  # a curve about as wide as its picture gains nothing from more
_LEFT, _TOP, _BOTTOM = 54.0, 12.0, 40.0  # margins in pixels; the right one depends on the labels
_LABEL_HEIGHT: Final = 14.0
CHARACTER_WIDTH: Final = 7.8
"""Mean advance of the 12 px label font, bold and in a wide typeface."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: what the label at its right end says.
        points: (step, value) in ascending order of steps; values may be NaN or infinite.
        colour: a CSS colour, usually `var(--c0)`.
        bold: draws the line stronger than its neighbours.
    """

    name: str
    points: Sequence[Point]
    colour: str
    bold: bool = False


@dataclass(frozen=True)
class Frame:
    """Where data lies on the picture: data range, ticks, pixel rectangle and the x axis' name."""

    x_low: float
    x_high: float
    y_ticks: Sequence[float]
    log: bool
    left: float
    right: float
    top: float
    bottom: float
    x_label: str = "step"
    log_x: bool = False

    def x(self, value: float) -> float:
        """Pixels from the left for a step."""
        low, at, high = self.x_low, value, self.x_high
        if self.log_x:
            low, at, high = math.log(low), math.log(at), math.log(high)
        return self.left + (at - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Pixels from the top for a value."""
        low, at, high = self.y_ticks[0], value, self.y_ticks[-1]
        if self.log:
            low, at, high = math.log(low), math.log(at), math.log(high)
        return self.bottom - (at - low) / (high - low) * (self.bottom - self.top)


def line_chart(
    series: Sequence[Series],
    label: str,
    width: int = 560,
    height: int = 300,
    log: bool = False,
    x_label: str = "step",
    log_x: bool = False,
) -> str:
    """Draws curves over steps with axes, grid, labels at the line ends, and values on hover.

    Args:
        series: the curves, the first drawn lowest. A value that is not finite breaks its line and
            is marked with a cross on the step axis.
        label: what the picture shows, for readers who cannot see it.
        width: pixels of the drawing; the page may scale it.
        height: pixels of the drawing.
        log: draws values on a logarithmic axis; every finite value must be above 0.
        x_label: what the curves are drawn over.
        log_x: draws steps on a logarithmic axis; every one must be above 0.

    Returns:
        One `<svg>` element, or an empty string when no series has a finite value.

    Example:
        >>> line_chart([Series("loss", [(0, 2.0), (10, 1.0)], "var(--c0)")], "loss")[:18]
        '<svg class="chart"'
    """
    series = [thinned(one) for one in series if _finite(one.points)]
    if not series:
        return ""
    frame = _frame(series, width, height, log, x_label, log_x)
    parts = [_grid(frame), *(_curve(one, frame) for one in series)]
    parts += [_end_labels(series, frame), _hover_bands(series, frame)]
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Returns round numbers (1, 2 or 5 times a power of ten apart) that enclose [low, high].

    Args:
        low: smallest value to show.
        high: largest value to show, above `low`.
        count: how many intervals to cut, at most (one more where the ends fall between ticks).

    Example:
        >>> ticks(0.13, 0.92)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / count))
    step = next(power * n for n in (1, 2, 5, 10) if power * n * count >= (high - low) * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12 - math.floor(math.log10(step))) for n in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Returns 1, 2 and 5 times powers of ten (powers alone beyond three) that enclose [low, high].

    Example:
        >>> log_ticks(0.3, 4.0)
        [0.2, 0.5, 1.0, 2.0, 5.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    marks = [float(f"{n}e{power}") for power in range(first, last + 1) for n in factors]
    start = max(mark for mark in marks if mark <= low)
    end = min(mark for mark in marks if mark >= high)
    return [mark for mark in marks if start <= mark <= end]


def short_number(value: float) -> str:
    """Writes a number briefly: `0.25`, `1.5k`, `20k`, `1.2M`, `6e-4`, `NaN`.

    Example:
        >>> [short_number(n) for n in (0.0, 0.25, 1500, 20000, 1.2e6, 0.0006)]
        ['0', '0.25', '1.5k', '20k', '1.2M', '6e-4']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= scale:
            return f"{value / scale:.4g}{unit}"
    if size == 0 or size >= 0.001:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def thinned(series: Series, limit: int = _MAX_POINTS) -> Series:
    """Keeps at most about `limit` points: of each stretch the lowest and the highest value.

    Peaks and values that are not finite survive, where a mean or every n-th point would hide them.
    """
    points = list(series.points)
    if len(points) <= limit:
        return series
    size = math.ceil(2 * len(points) / limit)
    kept = [points[0]]
    for start in range(1, len(points) - 1, size):
        kept += _extremes(points[start : min(start + size, len(points) - 1)])
    return Series(series.name, [*kept, points[-1]], series.colour, series.bold)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves positions as little as needed so that neighbours stand at least `gap` apart.

    Args:
        positions: wanted positions, in any order.
        gap: least distance between two.
        low: no position above the top (smallest pixel).
        high: no position below the bottom, as long as they all fit.

    Returns:
        New positions in the order given.

    Example:
        >>> spread([10.0, 11.0, 40.0], gap=10, low=0, high=100)
        [10.0, 20.0, 40.0]
    """
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed = [0.0] * len(positions)
    floor = low
    for index in order:
        placed[index] = max(positions[index], floor)
        floor = placed[index] + gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed


def _finite(points: Sequence[Point]) -> list[Point]:
    """The points that can be drawn."""
    return [point for point in points if math.isfinite(point[1])]


def _extremes(points: Sequence[Point]) -> list[Point]:
    """Lowest and highest finite point and the first that is not finite, in order of steps."""
    finite = _finite(points)
    kept = {min(finite, key=lambda p: p[1]), max(finite, key=lambda p: p[1])} if finite else set()
    return sorted(kept) + [point for point in points if not math.isfinite(point[1])][:1]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value, set apart when they are equal."""
    low, high = min(values), max(values)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        return low - margin, high + margin
    return low, high


def _frame(
    series: Sequence[Series], width: int, height: int, log: bool, x_label: str, log_x: bool
) -> Frame:
    """The rectangle that holds every finite value, with room for labels on the right."""
    x_low, x_high = _range([x for one in series for x, _ in one.points])
    if 0 < x_low < 0.1 * x_high and not log_x:
        x_low = 0.0
    low, high = _range([y for one in series for _, y in _finite(one.points)])
    if 0 < low < 0.4 * high and not log:
        low = 0.0  # a curve that comes near zero is read against zero
    marks = log_ticks(low, high) if log else ticks(low, high)
    longest = max(len(one.name) for one in series)
    right = width - min(longest * CHARACTER_WIDTH + 18, width * 0.42)
    bottom = height - _BOTTOM
    return Frame(x_low, x_high, marks, log, _LEFT, right, _TOP, bottom, x_label, log_x)


def _grid(frame: Frame) -> str:
    """Horizontal grid lines, tick labels on both axes, and what they are over."""
    parts = []
    for value in frame.y_ticks:
        y = frame.y(value)
        parts.append(
            f'<path class="rule" d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}"/>'
            f'<text class="tick" x="{frame.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">'
            f"{short_number(value)}</text>"
        )
    marks = (log_ticks if frame.log_x else ticks)(frame.x_low, frame.x_high)
    for value in marks:
        if frame.x_low <= value <= frame.x_high and value == int(value):
            x = frame.x(value)
            parts.append(
                f'<path class="axis" d="M{x:.1f} {frame.bottom:.1f}v5"/>'
                f'<text class="tick" x="{x:.1f}" y="{frame.bottom + 18:.1f}" '
                f'text-anchor="middle">{short_number(value)}</text>'
            )
    middle = (frame.left + frame.right) / 2
    return (
        "".join(parts)
        + f'<path class="axis" d="M{frame.left:.1f} {frame.bottom:.1f}H{frame.right:.1f}"/>'
        + f'<text class="tick" x="{middle:.1f}" y="{frame.bottom + 34:.1f}" '
        + f'text-anchor="middle">{escape(frame.x_label)}</text>'
    )


def _curve(series: Series, frame: Frame) -> str:
    """One line, broken and marked where a value is not finite, with a dot at its last value."""
    commands, crosses, pen = [], [], "M"
    for step, value in series.points:
        x = frame.x(step)
        if math.isfinite(value):
            commands.append(f"{pen}{x:.1f} {frame.y(value):.1f}")
            pen = "L"
        else:
            crosses.append(f"M{x - 4:.1f} {frame.bottom - 4:.1f}l8 8m-8 0l8 -8")
            pen = "M"
    finite = _finite(series.points)
    dots = finite if len(finite) <= 12 else finite[-1:]
    style = f'style="--c:{escape(series.colour)}"'
    kind = "line bold" if series.bold else "line"
    marks = "".join(
        f'<circle class="dot" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.6"/>'
        for x, y in dots
    )
    cross = f'<path class="cross" d="{"".join(crosses)}"/>' if crosses else ""
    return f'<g {style}><path class="{kind}" d="{"".join(commands)}"/>{marks}{cross}</g>'


def _end_labels(series: Sequence[Series], frame: Frame) -> str:
    """Each curve's name beside its last value, moved apart where curves end together."""
    ends = [_finite(one.points)[-1] for one in series]
    wanted = [frame.y(y) for _, y in ends]
    placed = spread(wanted, _LABEL_HEIGHT, frame.top + 2, frame.bottom - 2)
    parts = []
    for one, (x, _), line_y, text_y in zip(series, ends, wanted, placed, strict=True):
        start = frame.x(x) + 4
        parts.append(
            f'<g style="--c:{escape(one.colour)}">'
            f'<path class="leader" d="M{start:.1f} {line_y:.1f}L{frame.right + 8:.1f} '
            f'{text_y:.1f}"/><text class="name" x="{frame.right + 11:.1f}" y="{text_y + 4:.1f}">'
            f"{escape(one.name)}</text></g>"
        )
    return "".join(parts)


def _hover_bands(series: Sequence[Series], frame: Frame) -> str:
    """Invisible columns, one a step, whose tooltip lists every curve's value there."""
    values: dict[float, list[str]] = {}
    for one in series:
        for step, value in one.points:
            values.setdefault(step, []).append(f"{one.name} {precise_number(value)}")
    steps = sorted(values)
    edges = [frame.left, *((frame.x(a) + frame.x(b)) / 2 for a, b in pairwise(steps)), frame.right]
    parts = []
    for step, left, right in zip(steps, edges, edges[1:], strict=False):
        text = "\n".join([f"{frame.x_label} {step:,.0f}", *values[step]])
        x = frame.x(step)
        parts.append(
            f'<g class="band"><rect x="{left:.1f}" y="{frame.top:.1f}" '
            f'width="{max(right - left, 0.5):.1f}" height="{frame.bottom - frame.top:.1f}"/>'
            f'<path d="M{x:.1f} {frame.top:.1f}V{frame.bottom:.1f}"/>'
            f"<title>{escape(text)}</title></g>"
        )
    return "".join(parts)


def precise_number(value: float) -> str:
    """Writes a number with four significant digits, or as `short_number` outside 0.001 to 10,000.

    Example:
        >>> precise_number(0.74902), precise_number(2.0), precise_number(float("nan"))
        ('0.7490', '2.000', 'NaN')
    """
    if math.isfinite(value) and 0.001 <= abs(value) < 1000:
        return f"{value:#.4g}"
    return short_number(value)
