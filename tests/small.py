"""A small index that has every stage: planted groups of nodes, one document each, sources and config in a directory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

TOPICS = (
    "video convert format codec stream",
    "music audio player sound album",
    "compiler language source code library",
    "network server proxy web request",
    "chess board game play opponent",
)
N_NODES = 300

CONFIG = """
name = "small"

[graph]
source = "edges.tsv"
type = "type"

[graph.type_weights]
strong = 1.0
weak = 0.25
never = 0.0

[corpus]
source = "docs.jsonl"
text = ["title", "text"]
fields = ["title", "topic"]
encoder = { kind = "static", dim = 64 }

[fastrp]
dim = 128
iteration_weights = [0.0, 1.0, 1.0]

[powerwalk]
n_walks = 20

[communities]
num_perm = 64
direction = "both"

[labels]
on = "both"
threshold = 0.3

[muvera]
num_repetitions = 8
k_sim = 3
d_proj = 8
n_heldout = 20

[ann.nodes]
metric = "cosine"
kind = "hnsw"
shard_rows = 128

[ann.documents]
metric = "inner_product"
kind = "flat"

[runtime]
workers = 2
part_nodes = 100
part_docs = 64
"""


def write_small(directory: Path, *, extra: str = "") -> Path:
    """Write sources and config into ``directory``; the config's path is returned."""
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    group = np.arange(N_NODES) % len(TOPICS)
    lines = ["# planted groups", "src\tdst\ttype"]
    for node in range(N_NODES - 1):  # the last node has a document and no edge
        peers = np.flatnonzero(group == group[node])
        lines += [
            f"n{node:03d}\tn{peer:03d}\tstrong" for peer in random.choice(peers, 4) if peer not in (node, N_NODES - 1)
        ]
        lines.append(f"n{node:03d}\tn{random.integers(N_NODES - 1):03d}\tweak")
    lines += ["n000\tvirtual\tstrong", "n001\tn002\tnever"]
    (directory / "edges.tsv").write_text("\n".join(lines) + "\n")
    with (directory / "docs.jsonl").open("w") as file:
        for node in range(N_NODES):
            words = TOPICS[group[node]].split()
            title = " ".join(random.permutation(words)[:2])
            text = " ".join(random.choice(words, 8)) + f" number {node}"
            record = {"_id": f"n{node:03d}", "title": title, "text": text, "topic": words[0]}
            file.write(json.dumps(record) + "\n")
    config = directory / "small.toml"
    config.write_text(CONFIG + extra)
    return config
