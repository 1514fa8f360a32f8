"""Graphs whose nodes have known communities, all or in part: the Debian archive that ships, others where present."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import zstandard

from benchmarks.labelled_graphs import (
    Labelled,
    Members,
    books,
    citations,
    classified,
    dblp,
    debian,
    email,
    football,
    shared,
)
from graph.csr import CSRGraph


@dataclass(frozen=True, kw_only=True)
class Partitioned:
    """A graph with ``labels``, int64 (n_nodes,), -1 where unknown; or with ``cover``, communities that overlap."""

    name: str
    graph: CSRGraph
    labels: npt.NDArray[np.int64] | None = None
    cover: list[Members] | None = None


def partitioned_graphs() -> Iterator[Partitioned]:
    """All that are present, the small ones first."""
    for known in (football(), books(), email(), citations("cora"), citations("citeseer")):
        if known is not None:
            yield _of_groups(known)
    if (pubmed := classified("pubmed")) is not None:
        yield Partitioned(name="pubmed", graph=pubmed.graph, labels=pubmed.labels.argmax(axis=1))
    yield _of_groups(debian("section"))
    if (words := wordnet()) is not None:
        yield words
    if (overlapping := dblp()) is not None:
        yield Partitioned(name="dblp", graph=overlapping.graph, cover=overlapping.everyone)


def wordnet() -> Partitioned | None:
    """Relations between meanings of words, undirected, by lexicographer file ("noun.animal")."""
    arcs, synsets = shared("wordnet/edges.tsv.zst"), shared("wordnet/synsets.jsonl.zst")
    if arcs is None or synsets is None:
        return None
    table = pl.read_csv(zstandard.decompress(arcs.read_bytes()), separator="\t")
    records = [json.loads(line) for line in zstandard.decompress(synsets.read_bytes()).splitlines()]
    row = {record["_id"]: i for i, record in enumerate(records)}
    kept = table.filter(pl.col("src").is_in(list(row)) & pl.col("dst").is_in(list(row)))
    src, dst = ([row[name] for name in kept[end]] for end in ("src", "dst"))
    graph = CSRGraph.from_edges(src, dst, n_nodes=len(row), directed=False, duplicates="first", self_loops="drop")
    _, labels = np.unique([record["lexfile"] for record in records], return_inverse=True)
    return Partitioned(name="wordnet", graph=graph, labels=labels.astype(np.int64))


def _of_groups(known: Labelled) -> Partitioned:
    labels = np.full(known.graph.n_nodes, -1, dtype=np.int64)
    for label, members in enumerate(known.everyone):
        labels[members] = label
    return Partitioned(name=known.name, graph=known.graph, labels=labels)
