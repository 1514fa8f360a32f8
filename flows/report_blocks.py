"""What a report is made of, before it is Markdown or HTML: sections of text, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under a header; ``caption`` says what they are."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A bar per label and series. ``across`` lays them flat, which suits long labels; ``log`` scales upright ones."""

    name: str
    title: str
    x: str
    y: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]
    across: bool = False
    log: bool = False
    note: str = ""

    @property
    def alt(self) -> str:
        """What who cannot see the picture should know."""
        return f"{self.title}: " + "; ".join(
            f"{series + ', ' if series else ''}most at {self.labels[values.index(max(values))]} ({max(values):,.4g})"
            for series, values in ((name, list(values)) for name, values in self.series.items())
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points joined by a line; ``chosen`` is the place of the one that was taken, ``asked`` the height wanted.

    ``others`` are points beside the line.
    """

    name: str
    title: str
    x: str
    y: str
    points: Sequence[tuple[float, float]]
    chosen: float | None = None
    asked: float | None = None
    others: Sequence[tuple[float, float]] = ()
    note: str = ""

    @property
    def alt(self) -> str:
        """What who cannot see the picture should know."""
        first, last = self.points[0], self.points[-1]
        taken = "" if self.chosen is None else f", {self.chosen:g} was chosen"
        return f"{self.title}: {self.y} from {first[1]:.4g} at {first[0]:g} to {last[1]:.4g} at {last[0]:g}{taken}"


Chart = Bars | Curve
Block = Text | Table | Bars | Curve


@final
@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a title."""

    title: str
    blocks: Sequence[Block] = field(default=())
