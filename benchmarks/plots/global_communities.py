"""Plot docs/img/global_communities.png: agreement by resolution, on links and on similarity; the trap of NMI.

Run: python -m benchmarks.plots.global_communities  (needs email-Eu-core and cora in ../shared/data; half a minute)
"""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np

from benchmarks.bench_global_communities import index_of
from benchmarks.labelled_graphs import ROOT
from benchmarks.partitioned_graphs import Partitioned, partitioned_graphs
from clustering.community_graph import community_graph
from clustering.evaluation import compare
from clustering.global_communities import GlobalParams, find_communities

mpl.use("agg")
import matplotlib.pyplot as plt

SEEDS = 3
RESOLUTIONS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.7, 8.0, 11.3, 16.0, 32.0, 64.0, 128.0)
GRAPHS = {
    "links": GlobalParams(),
    "weighted links": GlobalParams(on="weighted_links"),
    "similar ≥ .2, attached": GlobalParams(on="similarity", attach=True),
}


def curves(known: Partitioned, params: GlobalParams) -> tuple[list[float], list[float]]:
    """Mean AMI and NMI, one per resolution."""
    made = community_graph(known.graph, index_of(known, 64), params)
    adjusted, plain = [], []
    for resolution in RESOLUTIONS:
        runs = []
        for seed in range(SEEDS):
            asked = replace(params, resolution=resolution, seed=seed)
            labels = find_communities(made.weights, asked, links=made.links).labels
            runs.append(compare(labels, known.labels))  # type: ignore[arg-type]  # both graphs have labels
        adjusted.append(float(np.mean([run.ami for run in runs])))
        plain.append(float(np.mean([run.nmi for run in runs])))
    return adjusted, plain


def main() -> None:
    known = {graph.name: graph for graph in partitioned_graphs() if graph.name in ("email-Eu-core", "cora")}
    if len(known) < 2:
        raise SystemExit("../shared/data/graphs is absent")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharex=True)
    for axis, (name, graph) in zip(axes, known.items(), strict=True):
        for label, params in GRAPHS.items():
            adjusted, plain = curves(graph, params)
            (line,) = axis.plot(RESOLUTIONS, adjusted, label=f"{label}: AMI")
            axis.plot(RESOLUTIONS, plain, ":", color=line.get_color(), label=f"{label}: NMI")
        axis.set(xscale="log", xlabel="resolution", title=name, ylim=(0, 0.85))
        axis.axvline(1, color="grey", linewidth=0.5)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("agreement with the truth")
    axes[0].legend(fontsize=8, frameon=False, loc="lower left", ncols=2)
    figure.savefig(ROOT / "docs" / "img" / "global_communities.png", dpi=100)


if __name__ == "__main__":
    main()
