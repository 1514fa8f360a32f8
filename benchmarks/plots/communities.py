"""Plot docs/img/communities.png: what splits of a signature let through, and how departments are recalled.

Run: python benchmarks/plots/communities.py  (needs email-Eu-core in ../shared/data; half a minute)
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

from benchmarks.labelled_graphs import ROOT, email
from clustering.banding import collision_probability
from clustering.communities import CommunityIndex, CommunityParams
from clustering.evaluation import recall_curve
from clustering.expansion import Method

mpl.use("agg")
import matplotlib.pyplot as plt

RESTARTS = (451235, 35631241, 2315, 346213456, 134)
METHODS: dict[Method, str] = {
    "blend": "blend (default)",
    "initial_avgs": "initial_avgs",
    "minrank": "minrank",
    "page_rank": "page_rank",
}
SPLITS = {(64, 2): "64 × 2 (default)", (32, 4): "32 × 4", (16, 8): "16 × 8", (500, 2): "500 × 2 (paper, 1000 hashes)"}


def main() -> None:
    known = email()
    if known is None:
        raise SystemExit("../shared/data/graphs/email-Eu-core.txt is absent")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    similarity = np.linspace(0, 1, 400)
    for (n_bands, n_rows), label in SPLITS.items():
        left.plot(similarity, collision_probability(similarity, n_bands, n_rows), label=label)
    left.set(xlabel="Jaccard similarity", ylabel="chance to be a candidate", title="Bands × rows")

    index = CommunityIndex.build(known.graph, CommunityParams())
    additions = np.linspace(0, 1, 101)
    for method, label in METHODS.items():
        curves = []
        for members in known.communities:
            for restart in RESTARTS:
                seeds = np.random.RandomState(restart).choice(members, known.n_seeds, replace=False)
                curve = recall_curve(index.query(seeds, members.size, method).nodes, members, seeds)
                curves.append(np.interp(additions, np.linspace(0, 1, curve.size), curve))
        mean = np.mean(curves, axis=0)
        right.plot(additions, mean, label=f"{label}: area {np.trapezoid(mean, additions):.3f}")
    right.plot([0, 1], [0, 1], "k:", linewidth=1, label="perfect: area 0.5")
    right.set(xlabel="additions / hidden members", ylabel="recall", title="Departments of email-Eu-core, 5 seeds")
    left.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    right.legend(fontsize=8, frameon=False, loc="upper left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "img" / "communities.png", dpi=100)


if __name__ == "__main__":
    main()
