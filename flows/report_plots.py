"""Charts as inline SVG. Matplotlib is imported when something is drawn, and leaves nothing behind in this process.

Equal charts give equal bytes. Ink that must be seen on light and dark paper is written as ``currentColor``.
"""

from __future__ import annotations

import html
import io
import logging
import re
from collections.abc import Sequence
from typing import Any

from flows.report_blocks import Bars, Chart, Curve

_INK = "#123456"  # stands for the colour of text until the drawing is done
_PAINTS = ("#4a90c4", "#d9823b")  # legible on white and on black
_WIDTH = 6.4  # inches
_PROLOGUE = re.compile(r".*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_NAMESPACES = re.compile(r' xmlns(:\w+)?="[^"]*"| version="1\.1"')


def draw(chart: Chart) -> str:
    """One ``<svg>`` element with its text kept as text."""
    with style(chart.name):
        page = io.StringIO()
        figure_of(chart).savefig(page, format="svg", transparent=True, metadata={"Date": None})
    return _inlined(page.getvalue(), chart)


def style(salt: str = "") -> Any:
    """Matplotlib's settings for as long as a chart is drawn; ``salt`` keeps the ids of two charts apart."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would tell of its font cache on stderr
    import matplotlib as mpl

    settings: Any = {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    return mpl.rc_context(settings)


def figure_of(chart: Chart) -> Any:
    """A Matplotlib figure, to be made and saved under `style`."""
    from matplotlib.figure import Figure

    across = isinstance(chart, Bars) and chart.across
    height = 0.6 + 0.26 * len(chart.labels) if isinstance(chart, Bars) and across else 2.6
    figure = Figure(figsize=(_WIDTH, height))
    # Margins by hand: the layout engine would draw everything twice to find them.
    left, below = (0.22, 0.5 / height) if across else (0.12, 0.9 / height if _is_slanted(chart) else 0.5 / height)
    axes = figure.add_axes((left, below, 0.96 - left, 1 - below - 0.1 / height))
    if isinstance(chart, Curve):
        _curve(axes, chart)
    else:
        _bars(axes, chart)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    return figure


def _bars(axes: Any, chart: Bars) -> None:
    n_series, places = len(chart.series), range(len(chart.labels))
    for number, (series, values) in enumerate(chart.series.items()):
        thick = 0.8 / n_series
        at = [place + (number - (n_series - 1) / 2) * thick for place in places]
        draw_bars = axes.barh if chart.across else axes.bar
        draw_bars(at, list(values), thick, color=_PAINTS[number % len(_PAINTS)], label=series or None)
    if chart.across:
        axes.set_yticks(places, chart.labels)
        axes.invert_yaxis()
    elif _is_slanted(chart):
        axes.set_xticks(places, chart.labels, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(places, chart.labels)
    if chart.log and any(value > 0 for values in chart.series.values() for value in values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.minorticks_off()
    if n_series > 1:
        axes.legend(frameon=False)


def _is_slanted(chart: Chart) -> bool:
    """Whether labels along the bottom need more room than there is."""
    return isinstance(chart, Bars) and not chart.across and len(chart.labels) > 6


def _curve(axes: Any, chart: Curve) -> None:
    x, y = zip(*chart.points, strict=True)
    axes.plot(x, y, marker="o", markersize=4, color=_PAINTS[0])
    if chart.others:
        axes.plot(*zip(*chart.others, strict=True), marker=".", markersize=3, color=_PAINTS[0], linestyle="none")
    if chart.asked is not None:
        axes.axhline(chart.asked, color=_PAINTS[1], linestyle="--", linewidth=1, label=f"asked for: {chart.asked:g}")
    taken = [point for point in chart.points if point[0] == chart.chosen]
    if taken:
        axes.plot(
            *taken[0],
            marker="o",
            markersize=9,
            color=_PAINTS[1],
            fillstyle="none",
            linestyle="none",
            label=f"chosen: {taken[0][0]:g}",
        )
    if min(x) > 0 and max(x) > 8 * min(x):
        axes.set_xscale("log")
        axes.set_xticks(*_thinned(x))
        axes.minorticks_off()
    if chart.asked is not None or taken:
        axes.legend(frameon=False, loc="lower right")


def _thinned(x: Sequence[float]) -> tuple[list[float], list[str]]:
    """Ticks at some of the points, no two closer than a factor of 1.5."""
    kept: list[float] = []
    for value in x:
        if not kept or value >= 1.5 * kept[-1]:
            kept.append(value)
    return kept, [f"{value:g}" for value in kept]


def _inlined(svg: str, chart: Chart) -> str:
    """Without what only a file of its own needs: prologue, namespaces, metadata, and ids that nothing refers to."""
    svg = _METADATA.sub("", _PROLOGUE.sub("", svg, count=1))
    svg = _NAMESPACES.sub("", svg).replace("xlink:href", "href").replace(_INK, "currentColor")
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", svg)
    alt = html.escape(chart.alt)
    return (
        svg.replace("<svg ", f'<svg role="img" aria-label="{alt}" ', 1)
        .replace(">", f"><title>{alt}</title>", 1)
        .strip()
    )
