"""The stage's tables are those of the library, and an index opened from it answers like one that was built."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from artifacts.communities import open_communities
from artifacts.publish import read_release
from artifacts.store import Store
from clustering.communities import CommunityIndex, CommunityParams
from clustering.fill import sampled_fill
from flows.run import run_build
from flows.settings import read_config
from graph.edge_list import read_graph


def test_a_stored_index_is_the_library_s_and_knows_how_full_answers_get(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{a} {b}" for a, b in rng.integers(0, 60, (300, 2)).tolist()]
    (tmp_path / "edges.txt").write_text("\n".join(lines) + "\n")
    config = tmp_path / "tiny.toml"
    config.write_text('name = "tiny"\n[graph]\nsource = "edges.txt"\n[communities]\nnum_perm = 32\nsize = 12\n')
    store = Store.create(tmp_path / "store")
    run_build(read_config(config), store)
    stages = read_release(store, "tiny").stages
    opened = open_communities(store.objects / stages["minhash"], store.objects / stages["lsh"])
    built = CommunityIndex.build(read_graph(tmp_path / "edges.txt"), CommunityParams(num_perm=32, size=12))
    assert opened.params == built.params
    assert opened.lsh.keys.tobytes() == built.lsh.keys.tobytes()
    assert opened.query([3]).nodes.tobytes() == built.query([3]).nodes.tobytes()
    members = {3, 5, 8, 13}
    assert opened.lsh.top(members, 5).nodes.tolist() == built.lsh.top(members, 5).nodes.tolist()
    stats = store.manifest(stages["lsh"]).stats
    fill = sampled_fill(built.lsh, 12, built.links.indptr)
    assert (stats["size"], stats["share_filled"], stats["median_candidates"]) == (12, *fill)
    assert fill.median_candidates > 0
