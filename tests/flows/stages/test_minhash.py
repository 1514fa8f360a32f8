"""The stage's signatures and links are those of the library, though it never lays out what it need not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifacts.publish import read_release
from artifacts.store import Store
from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import Direction, neighbourhoods
from flows.run import run_build
from flows.settings import read_config
from graph.edge_list import ReadParams, read_graph

EDGES = "a b\nb a\na b\nc c\nc a\nd e\ne f\nf d\nd f\na d\nc d\nc e\nc f\nz z\n"


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("direction", ["in", "out", "both"])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("duplicates", ["sum", "keep"])
def test_the_stage_sketches_what_the_library_does(
    tmp_path: Path, directed: bool, direction: Direction, include_self: bool, duplicates: str
) -> None:
    (tmp_path / "edges.txt").write_text(EDGES)
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'name = "tiny"\n[graph]\nsource = "edges.txt"\ndirected = {str(directed).lower()}\n'
        f'duplicates = "{duplicates}"\n[communities]\nnum_perm = 32\ndirection = "{direction}"\n'
        f"include_self = {str(include_self).lower()}\n[runtime]\npart_nodes = 3\n"
    )
    store = Store.create(tmp_path / "store")
    run_build(read_config(config), store)
    artifact = read_release(store, "tiny").stages["minhash"]
    made = {path.stem: np.load(path) for path in (store.objects / artifact).glob("*.npy")}

    params = ReadParams(directed=directed, duplicates=duplicates)  # type: ignore[arg-type]  # one of its words
    graph = read_graph(tmp_path / "edges.txt", params)
    sets, links = neighbourhoods(graph, direction, include_self), neighbourhoods(graph, "both")
    np.testing.assert_array_equal(made["signatures"], minhash(sets.indptr, sets.indices, MinHashParams(num_perm=32)))
    np.testing.assert_array_equal(made["links_indptr"], links.indptr)
    np.testing.assert_array_equal(made["links_indices"], links.indices)
    stats = store.manifest(artifact).stats
    assert stats["median_set_size"] == int(np.median(np.diff(sets.indptr)))
    assert stats["n_empty_sets"] == int(np.count_nonzero(np.diff(sets.indptr) == 0))
