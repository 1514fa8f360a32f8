"""A graph behind a projection: walked on few columns, scored on all."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import TargetMissed
from tests.vectors.ann.test_index import mixture
from vectors.ann.build import build_shards
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.forms import index_bytes
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams
from vectors.metrics import Metric

Float32s = npt.NDArray[np.float32]


def made(**told: object) -> ANNParams:
    return ANNParams(**{"metric": "l2", "kind": "hnsw", "projection": 20, "recall": 0.95, **told})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clustered() -> tuple[Float32s, Float32s]:
    """4,000 rows of 48 columns whose variance falls, some of them equal, and 200 queries of one law."""
    both = mixture(4200, 48, 60) * (np.arange(1, 49, dtype=np.float32) ** -0.5)
    both[100:150] = both[3]
    return both[:4000], both[4000:]


@pytest.mark.parametrize("metric", ["l2", "cosine", "inner_product"])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_the_asked_recall_is_got_with_values_of_all_columns(
    clustered: tuple[Float32s, Float32s], metric: Metric, storage: str
) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, made(metric=metric, storage=storage), heldout=queries)
    rows, values = index.search(queries, 10)
    _, true = exact_top_k(vectors, queries, 10, metric=metric)
    exact = exact_values(vectors, queries, rows, metric=metric)
    np.testing.assert_allclose(values, exact, rtol=0 if storage == "float32" else 1e-2, atol=1e-3)
    right = exact <= true[:, 9:] if metric == "l2" else exact >= true[:, 9:]
    assert right.mean() >= 0.94
    assert (rows >= 0).all()
    assert index.shards[0].matrix is not None
    measured = index.measured
    assert measured is not None
    assert measured.recall - measured.standard_error >= 0.95
    assert measured.n_bytes == pytest.approx(
        index_bytes(4000, 48, "hnsw", index.params.storage, 32, None, 20), rel=0.03
    )


def test_whole_numbers_are_scored_from_bytes_without_loss(clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = (np.round(np.clip(30 * part + 100, 0, 255)).astype(np.float32) for part in clustered)
    index = ANNIndex.build(vectors, made(shard_rows=1500), heldout=queries)
    assert [shard.vectors.storage for shard in index.shards] == ["uint8"] * 3
    rows, values = index.search(queries, 10, ef_search=1000)
    assert values.tobytes() == exact_values(vectors, queries, rows, metric="l2").tobytes()
    assert (values <= exact_top_k(vectors, queries, 10, metric="l2")[1][:, 9:]).mean() >= 0.99


def test_a_saved_graph_answers_the_same_and_is_read_by_plain_faiss(
    clustered: tuple[Float32s, Float32s], tmp_path: Path
) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, made())
    index.save(tmp_path)
    opened = ANNIndex.open(tmp_path)
    assert opened.measured == index.measured
    for one, other in zip(index.search(queries, 10), opened.search(queries, 10), strict=True):
        assert one.tobytes() == other.tobytes()
    plain = faiss.read_index(str(tmp_path / "shard-000000.faiss"))
    refined = faiss.downcast_index(plain.index)
    refined.k_factor = 20
    distances, _ = plain.search(queries, 10)
    assert np.isfinite(distances).all()
    _, true = exact_top_k(vectors, queries, 10, metric="l2")
    assert (np.sqrt(np.maximum(distances, 0)) <= true[:, 9:] + 1e-3).mean() >= 0.8


def test_bytes_do_not_depend_on_threads(clustered: tuple[Float32s, Float32s]) -> None:
    params = made(shard_rows=1500)
    one, two = (build_shards(clustered[0], params, n_threads=n) for n in (1, 3))
    assert [shard.index.tobytes() for shard in one] == [shard.index.tobytes() for shard in two]


def test_a_batch_answers_as_its_queries_do_alone(clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, made())
    batch = index.search(queries[:40], 10, n_threads=2)
    alone = [index.search(queries[nth : nth + 1], 10) for nth in range(40)]
    for nth in range(2):
        assert batch[nth].tobytes() == np.concatenate([each[nth] for each in alone]).tobytes()


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_a_filter_lets_nothing_else_through(clustered: tuple[Float32s, Float32s], share: float) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, made())
    where = np.random.default_rng(3).random(len(vectors)) < share
    rows, values = index.search(queries, 10, where=where)
    assert where[rows[rows >= 0]].all()
    _, true = exact_top_k(vectors[np.flatnonzero(where)], queries, 10, metric="l2")
    assert (values <= true[:, 9:]).mean() >= 0.9


def test_the_full_width_projects_nothing(clustered: tuple[Float32s, Float32s]) -> None:
    wide, plain = (build_shards(clustered[0], made(projection=width))[0] for width in (48, None))
    assert wide.index.tobytes() == plain.index.tobytes()


def test_too_few_columns_for_the_recall_are_an_error() -> None:
    noise = np.random.default_rng(0).standard_normal((6000, 64)).astype(np.float32)
    with pytest.raises(TargetMissed, match="hnsw"):
        ANNIndex.build(noise, made(projection=1, recall=0.999))


@pytest.mark.parametrize("n", [0, 1, 7])
def test_few_vectors_are_found_all(n: int) -> None:
    vectors = mixture(30, 48, 3)[:n]
    index = ANNIndex.build(vectors, made(allow_missed=True))
    rows, _ = index.search(mixture(5, 48, 3), 10)
    assert (np.sort(rows, axis=1)[:, 10 - n :] == np.arange(n)).all()
    assert (np.sort(rows, axis=1)[:, : 10 - n] == -1).all()
