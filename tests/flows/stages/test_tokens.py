"""Token vectors kept in fewer bytes: a build gives what the library gives, whatever its partitions and its memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifacts.artifact import ArtifactWriter
from artifacts.manifest import MANIFEST
from artifacts.multivector import open_multivectors
from artifacts.publish import damage, read_release
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from flows.stages.packed_tokens import write_packed
from foundation.errors import InvalidConfig, InvalidParams
from foundation.pieces import Opened
from serving.engine import Engine
from tests.vectors.strategies import random_sets
from vectors.tokens.maxsim import exact_top
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import PackedTokens, pack_tokens
from vectors.tokens.storage import TokenStorageParams

DIM, N_DOCS = 16, 60
CONFIG = """
name = "packed"
[corpus]
source = "docs.jsonl"
vectors = "emb"
[corpus.encoder]
kind = "precomputed"
[corpus.tokens]
STORAGE
[muvera]
num_repetitions = 4
k_sim = 2
d_proj = 8
n_heldout = 5
n_candidates = 60
"""
STORAGES = {
    "float16": 'storage = "float16"',
    "bfloat16": 'storage = "bfloat16"',
    "int8": 'storage = "int8"',
    "residual": 'storage = "residual"\nbits = 4\nn_centroids = 8',
}


def given_sets() -> MultiVectors:
    random = np.random.default_rng(5)
    sizes = [0, 1, *random.integers(1, 12, N_DOCS - 2).tolist()]
    return random_sets(6, sizes, DIM)


def build(folder: Path, storage: str, store: str, *overrides: str) -> dict[str, Path]:
    sets = given_sets()
    rows = [{"_id": f"d{doc:02d}", "text": f"document {doc}", "emb": sets.doc(doc).tolist()} for doc in range(N_DOCS)]
    (folder / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "packed.toml").write_text(CONFIG.replace("STORAGE", storage))
    place = Store.at(str(folder / store))
    place = Store.create(folder / store)
    run_build(read_config(folder / "packed.toml", overrides), place)
    release = read_release(place, "packed")
    assert damage(place, release)[1] == []
    return {name: place.objects / found for name, found in release.stages.items()}


@pytest.mark.parametrize("storage", STORAGES)
def test_bytes_do_not_depend_on_partitions_and_answers_are_those_of_what_is_kept(storage: str, tmp_path: Path) -> None:
    paths = build(tmp_path, STORAGES[storage], "one", "runtime.part_docs=7")
    others = build(tmp_path, STORAGES[storage], "two", "runtime.part_docs=1000", "runtime.workers=1")
    for stage in ("tokens", "muvera", "retriever"):
        assert (paths[stage] / MANIFEST).read_text() == (others[stage] / MANIFEST).read_text()
    kept = open_multivectors(paths["tokens"])
    assert isinstance(kept, PackedTokens)
    assert (kept.storage, kept.n_docs) == (storage, N_DOCS)
    given = given_sets()
    assert pack_tokens(given, kept.storage, kept.codebook).rows.tobytes() == kept.rows.tobytes()
    measured = json.loads((paths["tokens"] / MANIFEST).read_text())["measured"]
    decoded = kept.to_multivectors().vectors
    cosines = (decoded * given.vectors).sum(axis=1) / np.linalg.norm(decoded, axis=1)
    distances = np.linalg.norm(decoded - given.vectors, axis=1)
    assert measured["mean_cosine"] == pytest.approx(cosines.mean(), abs=2e-6)
    assert measured["mean_relative_l2"] == pytest.approx(distances.mean(), abs=2e-6)
    queries = random_sets(9, [4], DIM)
    found = Engine.open(str(tmp_path / "one"), "packed").search(vectors=[queries.doc(0).tolist()], k=3)
    docs, scores = exact_top(queries, kept, 3)
    assert [hit["id"] for hit in found["results"][0]] == [f"d{doc:02d}" for doc in docs[0]]
    assert [hit["score"] for hit in found["results"][0]] == pytest.approx(scores[0].tolist())


class Slow(Iterable[Any]):
    """Pieces made anew whenever they are asked for: together they are far more than may be held."""

    def __init__(self, n: int, rows: int) -> None:
        self.n, self.rows = n, rows

    def __iter__(self) -> Iterator[Any]:
        for i in range(self.n):
            yield np.random.default_rng(i).standard_normal((self.rows, 64)).astype(np.float32)


@pytest.mark.parametrize("params", [{"storage": "int8"}, {"storage": "residual", "n_centroids": 16}], ids=str)
def test_tokens_larger_than_memory_are_packed_a_piece_at_a_time(params: dict[str, Any], tmp_path: Path) -> None:
    n, rows = 40, 8192
    whole = n * rows * 64 * 4
    write_packed(ArtifactWriter(tmp_path / "warm"), Slow(1, 10), 10, 64, TokenStorageParams(**params))
    tracemalloc.start()
    try:
        write_packed(ArtifactWriter(tmp_path / "aside"), Slow(n, rows), n * rows, 64, TokenStorageParams(**params))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < whole / 4


def test_pieces_change_neither_bytes_nor_error(tmp_path: Path) -> None:
    vectors = random_sets(0, [500], 24).vectors
    params = TokenStorageParams(storage="residual", n_centroids=9, bits=2)
    reports, files = [], []
    for number, cuts in enumerate(([], [1, 2, 300], [250, 250])):
        writer = ArtifactWriter(tmp_path / str(number))
        pieces = Opened([lambda part=part: part for part in np.split(vectors, cuts)])
        reports.append(write_packed(writer, pieces, 500, 24, params))
        files.append({path.name: path.read_bytes() for path in sorted((tmp_path / str(number)).iterdir())})
    assert reports[0] == reports[1] == reports[2]
    assert files[0] == files[1] == files[2]
    assert set(files[0]) == {"rows.npy", "chosen.npy", "centroids.npy", "widths.npy"}


def test_a_static_encoders_tokens_are_not_packed(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"_id": "a", "text": "b"}\n')
    (tmp_path / "c.toml").write_text('name = "c"\n[corpus]\nsource = "docs.jsonl"\n[corpus.tokens]\nstorage = "int8"\n')
    with pytest.raises(InvalidConfig, match=r"corpus.tokens.storage: 'int8' cannot be used"):
        read_config(tmp_path / "c.toml")
    (tmp_path / "c.toml").write_text('name = "c"\n[corpus]\nsource = "docs.jsonl"\n[corpus.tokens]\nstrage = "int8"\n')
    with pytest.raises(InvalidConfig, match="did you mean 'storage'"):
        read_config(tmp_path / "c.toml")


@pytest.mark.parametrize(
    "wrong",
    [{"storage": "int4"}, {"bits": 2}, {"storage": "int8", "n_centroids": 5}, {"storage": "residual", "bits": 8}],
    ids=str,
)
def test_storage_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        TokenStorageParams(**wrong)
