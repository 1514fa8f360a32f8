"""WordNet as a graph with communities: synsets, their relations, and the lexicographer files they were written in."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import polars as pl
import zstandard

from benchmarks.labelled_graphs import Labelled, shared
from foundation.ids import StringIds
from graph.csr import CSRGraph

LEAST, MOST = 60, 1000  # synsets of a file that is grown


def wordnet() -> Labelled | None:
    """Nothing where ../shared/data is absent."""
    edges, synsets = shared("wordnet/edges.tsv.zst"), shared("wordnet/synsets.jsonl.zst")
    if edges is None or synsets is None:
        return None
    arcs = pl.read_csv(zstandard.ZstdDecompressor().stream_reader(edges.read_bytes()).read(), separator="\t")
    lines = zstandard.ZstdDecompressor().stream_reader(synsets.read_bytes()).read().splitlines()
    file_of = {synset["_id"]: synset["lexfile"] for synset in map(json.loads, lines)}
    names = sorted({*file_of, *arcs["src"], *arcs["dst"]})
    row = {name: i for i, name in enumerate(names)}
    src, dst = ([row[name] for name in arcs[end]] for end in ("src", "dst"))
    graph = CSRGraph.from_edges(src, dst, node_ids=StringIds.from_sorted(names), duplicates="first")
    members: defaultdict[str, list[int]] = defaultdict(list)
    for name, file in file_of.items():
        members[file].append(row[name])
    groups = [np.array(nodes, dtype=np.int64) for _, nodes in sorted(members.items())]
    usable = [nodes for nodes in groups if LEAST <= nodes.size <= MOST]
    return Labelled(name="wordnet, by file", graph=graph, communities=usable, n_seeds=3)
