"""What every benchmark needs: timing by the median, and a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def median_seconds(fn: Callable[[], object], repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median of ``repeats`` runs; pass ``time.process_time`` as ``clock`` for CPU-seconds over all threads."""
    seconds = []
    for _ in range(repeats):
        start = clock()
        fn()
        seconds.append(clock() - start)
    return statistics.median(seconds)


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Rows as an aligned table, columns in the order of the first row, numbers with three digits."""
    header = list(rows[0])
    cells = [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    widths = [max(len(line[i]) for line in [header, *cells]) for i in range(len(header))]
    for line in [header, *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
