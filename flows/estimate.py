"""What a build would do and need, without doing it."""

from __future__ import annotations

from typing import Any

from artifacts.publish import version_name
from artifacts.store import Store
from flows.changes import changed_sources, explain
from flows.plan import plan
from flows.refresh import Served
from flows.settings import Config
from flows.sources import Sources
from flows.stages.stage import Sizes
from flows.stages.tokens import TOKENS_A_BYTE
from foundation.errors import ArtifactMissing
from graph.edge_list import estimate_edges
from vectors.corpus import estimate_docs

TOKEN_DIM = 128  # matters only to encodings without projection
FIXED_MEMORY = 500 << 20  # the interpreter and its libraries


def estimate_build(config: Config, store_root: str) -> dict[str, Any]:
    """The document of ``build --dry-run --json``: per stage whether it is cached, memory, disk, seconds.

    Memory is the peak over the stages, plus what the libraries take; disk and seconds add up what is not cached.
    Nothing is written, not even an empty store.
    """
    store = _existing(store_root)
    sources = Sources.of(store, trust=config.runtime.trust_mtime)
    stages = plan(config, sources)
    found = {stage.name: store.find(stage.stage.kind, stage.digest) if store else None for stage in stages}
    stats = {stage: dict(store.manifest(name).stats) for stage, name in found.items() if store and name}
    served = Served(store, config.name)
    why = explain(stages, served, sources, {name for name, path in found.items() if path is not None}, set())
    sizes = _sizes(config, stats)
    rows: list[dict[str, Any]] = []
    for stage in stages:
        guess = stage.stage.estimate(sizes, stage.params)
        name = found[stage.name]
        cached = name is not None
        rows.append(
            {
                "name": stage.name,
                "digest": stage.digest,
                "cached": cached,
                "why": why[stage.name],
                "memory": 0
                if cached
                else FIXED_MEMORY + guess.memory * max(1, config.runtime.workers if stage.stage.parallel else 1),
                "disk": store.manifest(name).n_bytes if store and name else guess.disk,
                "seconds": 0.0 if cached else round(guess.seconds, 3),
            }
        )
    todo = [row for row in rows if not row["cached"]]
    return {
        "index": config.name,
        "version": version_name(config.name, {stage.name: stage.digest for stage in stages}),
        "stages": rows,
        "sources": changed_sources(stages, served, sources),
        "total": {
            "memory": max((row["memory"] for row in todo), default=0),
            "disk": sum(row["disk"] for row in todo),
            "seconds": round(sum(row["seconds"] for row in todo), 3),
        },
    }


def _existing(root: str) -> Store | None:
    try:
        return Store.open(root)
    except ArtifactMissing:
        return None


def _sizes(config: Config, stats: dict[str, dict[str, Any]]) -> Sizes:
    """Counts from manifests where a stage is cached, else from a sample of its source."""
    n_nodes = n_edges = n_docs = text_bytes = 0
    if "graph" in stats:
        n_nodes, n_edges = int(stats["graph"]["n_nodes"]), int(stats["graph"]["n_edges"])
    elif config.graph is not None:
        n_edges, n_nodes = estimate_edges(config.graph.source, config.graph.params)
    if "corpus" in stats:
        n_docs, text_bytes = int(stats["corpus"]["n_docs"]), int(stats["corpus"]["report"]["text_bytes"])
    elif config.corpus is not None:
        n_docs, text_bytes = estimate_docs(config.corpus.source, config.corpus.params)
    n_tokens = int(stats["tokens"]["n_tokens"]) if "tokens" in stats else int(TOKENS_A_BYTE * text_bytes)
    return Sizes(
        n_nodes=n_nodes,
        n_edges=n_edges,
        n_docs=n_docs,
        n_tokens=n_tokens,
        text_bytes=text_bytes,
        node_dim=config.fastrp.params.dim if config.fastrp is not None else 0,
        doc_dim=config.muvera.params.fde_dim(TOKEN_DIM) if config.muvera is not None else 0,
    )
