"""Search under a filter: nothing outside it, nearly everything inside it, at every selectivity."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidQuery
from tests.vectors.ann.test_index import mixture
from vectors.ann.exact import exact_top_k
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams
from vectors.ann.shard import Shard
from vectors.metrics import METRICS, Metric, faiss_threads

Float32s = npt.NDArray[np.float32]
KINDS = ("flat", "hnsw", "ivf", "ivfsq", "ivfpq", "rabitq")


def exact_within(vectors: Float32s, queries: Float32s, where: npt.NDArray[np.bool_], k: int, metric: Metric) -> Any:
    """Brute force over the rows of the filter alone."""
    inside = np.flatnonzero(where)
    rows, values = exact_top_k(vectors[inside], queries, k, metric=metric)
    return np.where(rows >= 0, inside[rows] if inside.size else -1, -1), values


@pytest.fixture(scope="module")
def clustered() -> tuple[Float32s, Float32s]:
    both = mixture(12_200, 48, 120)
    return both[:12_000], both[12_000:]


@pytest.fixture(scope="module", params=KINDS)
def index(request: pytest.FixtureRequest, clustered: tuple[Float32s, Float32s]) -> ANNIndex:
    return ANNIndex.build(clustered[0], ANNParams(kind=request.param, metric="l2", recall=0.95))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("law", ["random", "clustered"])
def test_recall_holds_at_every_selectivity(
    index: ANNIndex, clustered: tuple[Float32s, Float32s], share: float, law: str
) -> None:
    vectors, queries = clustered
    # Clustered: one side of a plane, so that the filter's rows lie together and far from some queries.
    key = np.random.default_rng(3).random(len(vectors)) if law == "random" else vectors[:, 0]
    where = key <= np.quantile(key, share)
    rows, values = index.search(queries, 10, where=where)
    assert where[rows[rows >= 0]].all()
    _, true = exact_within(vectors, queries, where, 10, "l2")
    # A graph walks past what the filter leaves out: where that is a whole region, it gets stuck before it. Lists
    # without a wanted vector are passed over, but those at the rim hold few.
    least = 0.9 if law == "random" else 0.4 if index.shards[0].kind == "hnsw" else 0.8
    assert (values <= true[:, 9:]).mean() >= least


@pytest.mark.parametrize("kind", ["ivf", "ivfsq", "ivfpq", "rabitq"])
def test_lists_bring_as_many_as_are_scored_again_where_so_many_pass(
    kind: Any, clustered: tuple[Float32s, Float32s]
) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, ANNParams(kind=kind, metric="l2", recall=0.95))
    lists = index.shards[0].lists
    assert lists is not None
    where = vectors[:, 0] <= np.quantile(vectors[:, 0], 0.1)  # what lies near most queries does not pass
    with faiss_threads(1):
        found = lists.propose(queries, 40, lists.sizes.size, where)
        alone = np.concatenate([lists.propose(query[None], 40, lists.sizes.size, where) for query in queries[:20]])
    assert where[found[found >= 0]].all()
    # A packed code whose estimate is the worst there can be is never found.
    assert (found >= 0).mean() >= (1 if kind != "ivfpq" else 0.9)
    assert np.array_equal(np.sort(found[:20]), np.sort(alone))


def test_few_rows_are_scored_one_by_one_and_so_exactly(index: ANNIndex, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = clustered
    where = np.zeros(len(vectors), dtype=np.bool_)
    where[::1500] = True
    rows, values = index.search(queries, 10, where=where)
    true_rows, true_values = exact_within(vectors, queries, where, 10, "l2")
    assert rows.tobytes() == true_rows.tobytes()
    assert values.tobytes() == true_values.tobytes()


def test_many_rows_are_searched_for_past_the_others(
    index: ANNIndex, clustered: tuple[Float32s, Float32s], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    through = Shard._found

    def counted(self: Shard, *given: Any) -> Any:
        calls.append(given)
        return through(self, *given)

    monkeypatch.setattr(Shard, "_found", counted)
    vectors, queries = clustered
    index.search(queries[:5], 10, where=np.arange(len(vectors)) % 2 == 0)
    assert len(calls) == (0 if index.shards[0].kind == "flat" else 1)


def test_a_filter_that_all_or_none_meet(index: ANNIndex, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = clustered
    everything = index.search(queries, 10, where=np.ones(len(vectors), dtype=np.bool_))
    assert (everything[1] <= exact_top_k(vectors, queries, 10, metric="l2")[1][:, 9:]).mean() >= 0.93
    rows, values = index.search(queries, 10, where=np.zeros(len(vectors), dtype=np.bool_))
    assert (rows == -1).all()
    assert np.isinf(values).all()


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_small_indexes_answer_like_brute_force_over_the_filter(data: st.DataObject) -> None:
    kind: Any = data.draw(st.sampled_from(KINDS), label="kind")
    metric: Metric = data.draw(st.sampled_from(METRICS), label="metric")
    n = data.draw(st.integers(1, 40), label="n")
    draw = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    # Three values in two columns: most rows repeat another, and the filter cuts through them.
    vectors = draw.integers(-1, 2, (n, 2)).astype(np.float32)
    where = draw.random(n) < draw.random()
    index = ANNIndex.build(vectors, ANNParams(kind=kind, metric=metric, recall=0.01, shard_rows=17, allow_missed=True))
    rows, values = index.search(vectors, 50, where=where, ef_search=99, n_probe=99, k_factor=99)
    true_rows, true_values = exact_within(vectors, vectors, where, 50, metric)
    assert rows.tobytes() == true_rows.tobytes()
    assert values.tobytes() == true_values.tobytes()
    found, _ = index.candidates(vectors, 50, where=where)
    assert where[found[found >= 0]].all()


def test_excluded_rows_stay_out_beside_a_filter(index: ANNIndex, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, _ = clustered
    own = np.arange(0, 600, 3)
    where = np.arange(len(vectors)) % 3 == 0
    rows, _ = index.search(vectors[own], 5, where=where, exclude=own)
    assert (rows % 3 == 0).all()
    assert (rows != own[:, None]).all()


@pytest.mark.parametrize("where", [np.ones(3, dtype=np.bool_), np.ones(12_000), np.ones((1, 12_000), dtype=np.bool_)])
def test_a_filter_of_another_shape_or_type_is_refused(index: ANNIndex, where: Any) -> None:
    with pytest.raises(InvalidQuery, match="where is"):
        index.search(np.zeros((1, 48), dtype=np.float32), 1, where=where)
