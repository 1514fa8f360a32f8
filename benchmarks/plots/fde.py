"""docs/img/fde_modes.png: recall of exact MaxSim's top 10 against the number of candidates, by mode, over seeds.

Run: python -m benchmarks.plots.fde
Takes the cached tokens of `benchmarks.judged_tokens`; encodes them once for every mode and seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bench_fde import SETS, seed_recalls
from benchmarks.judged_tokens import judged_tokens
from vectors.fde.params import MODES

OUT = Path(__file__).resolve().parents[2] / "docs" / "img" / "fde_modes.png"
CANDIDATES = (10, 14, 20, 30, 50, 70, 100, 200)
N_SEEDS = 10


def main() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SETS), figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (corpus, encoder) in zip(axes, SETS, strict=True):
        tokens = judged_tokens(corpus, encoder)
        if tokens is None:
            raise SystemExit(f"{corpus}, {encoder}: needs ../shared/data and the encoder's package")
        for mode in MODES:
            found = seed_recalls(tokens, mode, CANDIDATES, N_SEEDS)
            axis.errorbar(CANDIDATES, found.mean(axis=0), found.std(axis=0, ddof=1), label=mode, capsize=2)
        axis.set(title=f"{corpus}, {encoder}", xlabel="candidates", xscale="log", xlim=(9, 220))
        axis.set_xticks([10, 20, 50, 100, 200], labels=["10", "20", "50", "100", "200"])
        axis.minorticks_off()
    axes[0].set(ylabel="recall of exact MaxSim's top 10", ylim=(0, 1))
    axes[0].set_yticks(np.arange(0, 1.1, 0.2))
    axes[0].legend()
    figure.savefig(OUT, dpi=110)


if __name__ == "__main__":
    main()
