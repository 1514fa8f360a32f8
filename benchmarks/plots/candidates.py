"""docs/img/candidates.png: recall of exact MaxSim's tops against the number of candidates, by ways of finding them.

Run: python -m benchmarks.plots.candidates  (after `benchmarks.bench_candidates` has filled the cache; ten minutes)
"""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

from benchmarks.bench_candidates import DISTINCT, FILLED, NARROW, NEIGHBOURS, PLAIN, TOPS, Curve, curves, wanted
from benchmarks.candidate_orders import recalls

OUT = Path(__file__).resolve().parents[2] / "docs" / "img" / "candidates.png"
COLOURS = {PLAIN: "#1b6ca8", FILLED: "#6fa8d0", NARROW: "#4b8f4b", DISTINCT: "#d98324", NEIGHBOURS: "#b8b8b8"}
LABELS = {PLAIN: "encodings, 10,240", FILLED: "the same, filled", NARROW: "encodings, 1,024"}
STYLES = dict(zip(TOPS, ("-", ":"), strict=True))
LAST = 2000


def draw(panels: dict[tuple[str, str], list[Curve]], out: Path = OUT) -> None:
    """A row of panels for each encoder, a column for each collection."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    encoders = list(dict.fromkeys(encoder for _, encoder in panels))
    corpora = list(dict.fromkeys(corpus for corpus, _ in panels))
    figure, grid = plt.subplots(
        len(encoders), len(corpora), figsize=(11, 3.4 * len(encoders)), sharey=True, squeeze=False, layout="constrained"
    )
    for (corpus, encoder), found in panels.items():
        axis = grid[encoders.index(encoder), corpora.index(corpus)]
        by_name = {curve.order: curve.reached for curve in found}
        for name, colour in COLOURS.items():
            for k, style in STYLES.items():
                numbers = np.unique(np.geomspace(k, LAST, 60).astype(int))
                label = f"{LABELS.get(name, name)}, top {k}" if name == PLAIN or k == TOPS[0] else None
                axis.plot(numbers, recalls(by_name[name][k], numbers), style, color=colour, label=label)
        axis.set(title=f"{corpus}, {encoder}", xscale="log", xlim=(TOPS[0], LAST), ylim=(0, 1))
        axis.grid(alpha=0.3)
    for axis in grid[-1]:
        axis.set_xlabel("candidates")
    for axis in grid[:, 0]:
        axis.set_ylabel("recall of exact MaxSim's top")
    grid[0, 0].legend(fontsize=7, loc="lower right")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> None:
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    with threadpool_limits(1):
        draw({(corpus, encoder): curves(tokens, encoder) for corpus, encoder, tokens in wanted()})


if __name__ == "__main__":
    main()
