"""The picture of the README: what surrounds two packages of the Debian index, drawn from its own answers.

Run ``make demo`` first, then ``python benchmarks/plots/readme.py [STORE]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import networkx as nx

from artifacts.graph import open_graph
from artifacts.publish import artifact_path
from artifacts.store import Store
from serving.engine import Engine

OUT = Path(__file__).parents[2] / "docs" / "img" / "neighbourhood.png"
SEEDS, SIZE = ("postgresql", "gimp"), 32


def main() -> None:
    store = Store.open(sys.argv[1] if len(sys.argv) > 1 else "purlieu-store")
    engine = Engine.open(store, "debian")
    graph = open_graph(artifact_path(store, engine.release, "graph.undirected"))
    figure, axes = plt.subplots(1, len(SEEDS), figsize=(11, 5), layout="constrained")
    for axis, seed in zip(axes, SEEDS, strict=True):
        members = [hit["id"] for hit in engine.community([seed], size=SIZE)["results"][0]]
        ranking = engine.ppr([{seed: 1.0}], k=5000)["results"][0]
        weight = {hit["id"]: hit["score"] for hit in ranking}
        section = {hit["id"]: hit.get("section", "other") for hit in engine.community([seed], size=SIZE)["results"][0]}
        rows = {graph.node_ids.find(member): member for member in members}
        drawn = nx.Graph()
        drawn.add_nodes_from(members)
        for row, member in rows.items():
            for other in graph.indices[graph.indptr[row] : graph.indptr[row + 1]]:
                if int(other) in rows:
                    drawn.add_edge(member, rows[int(other)])
        drawn = drawn.subgraph(nx.node_connected_component(drawn, seed))
        members = [member for member in members if member in drawn]
        place = nx.kamada_kawai_layout(drawn)
        names = sorted(set(section.values()))
        colours = {name: plt.get_cmap("tab10")(number % 10) for number, name in enumerate(names)}
        nx.draw_networkx_edges(drawn, place, ax=axis, alpha=0.25, width=0.8)
        sizes = [25 + 900 * weight.get(member, 0.0) ** 0.6 for member in members]
        nx.draw_networkx_nodes(
            drawn, place, nodelist=members, node_size=sizes, node_color=[colours[section[m]] for m in members], ax=axis
        )
        nx.draw_networkx_labels(drawn, {m: (x, y + 0.055) for m, (x, y) in place.items()}, font_size=6.5, ax=axis)
        for name in names:
            axis.scatter([], [], color=colours[name], label=name, s=18)
        axis.legend(fontsize=6.5, frameon=False, loc="lower left", ncols=2)
        axis.set_title(f"the community around {seed}", fontsize=10)
        axis.set_axis_off()
    figure.savefig(OUT, dpi=66)
    print(f"{OUT} {OUT.stat().st_size / 1024:.0f} KB")


main()
