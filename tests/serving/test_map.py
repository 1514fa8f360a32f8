"""The file of the map, read back with the format's own library."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load

from artifacts.embedding import open_embedding
from artifacts.publish import artifact_path
from artifacts.store import Store
from foundation.ids import IntegerIds, StringIds
from serving import map as maps
from serving.engine import Engine
from serving.map import map_file
from vectors.plane import principal_plane


def ids_in(file: bytes) -> list[str]:
    arrays = load(file)
    starts, text = arrays["id_starts"].tolist(), arrays["ids"].tobytes()
    return [text[start:end].decode() for start, end in pairwise(starts)]


def about(file: bytes) -> dict[str, str]:
    length = int.from_bytes(file[:8], "little")
    found: dict[str, str] = json.loads(file[8 : 8 + length])["__metadata__"]
    return found


def test_every_node_has_a_place_an_id_and_a_community(small_store: Store) -> None:
    engine = Engine.open(small_store, "small")
    file = engine.map_file()
    embedding = open_embedding(artifact_path(small_store, engine.release, "fastrp"))
    arrays = load(file)
    np.testing.assert_array_equal(arrays["points"], principal_plane(embedding).points)
    ids = [node["id"] for node in engine.nodes(limit=len(embedding))]
    assert ids_in(file) == ids
    assert arrays["label"].tolist() == [hit["label"] for (hit,) in engine.labels(ids)["results"]]
    named = about(file)
    assert (named["index"], named["version"], named["n_nodes"]) == ("small", engine.version, str(len(ids)))
    shares = [float(share) for share in named["explained"].split()]
    assert len(shares) == 2
    assert 0.0 < shares[1] <= shares[0] < 1.0


def test_of_too_many_nodes_some_at_even_steps_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "MAX_POINTS", 4)
    embedding = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    file = map_file("one", "v", embedding, IntegerIds(10), None)
    assert ids_in(file) == ["0", "2", "5", "7"]
    assert about(file)["n_nodes"] == "10"
    assert "label" not in load(file)
    np.testing.assert_array_equal(load(file)["points"], principal_plane(embedding[[0, 2, 5, 7]]).points)


def test_ids_are_kept_whatever_they_are_written_with() -> None:
    names = sorted(["", "a\nb", "Ödön", "猫"], key=lambda name: name.encode())
    file = map_file("one", "v", np.eye(4, dtype=np.float32), StringIds.from_sorted(names), None)
    assert ids_in(file) == names


def test_an_index_without_nodes_has_an_empty_map() -> None:
    file = map_file("one", "v", np.empty((0, 3), dtype=np.float32), IntegerIds(0), None)
    assert load(file)["points"].shape == (0, 2)
    assert ids_in(file) == []
