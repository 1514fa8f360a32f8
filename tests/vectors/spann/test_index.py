"""SPANN: recall as asked, brute force when everything is read, equal bytes, and answers at the edges."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery, StoreUnavailable, TargetMissed
from tests.oracles.neighbours import nearest
from tests.vectors.spann.mixtures import Float32s, digests, mixture
from vectors.ann.exact import exact_top_k
from vectors.metrics import METRICS, Metric
from vectors.spann.build import rows_per_range
from vectors.spann.index import SpannIndex
from vectors.spann.measured import Effort
from vectors.spann.params import SpannParams

ALL = Effort(n_lists=10_000, rerank=10_000)


@pytest.fixture(scope="module")
def clustered() -> tuple[Float32s, Float32s]:
    """20,000 rows and 300 queries of one law; the queries are not rows."""
    both = mixture(20_300, 40, 400)
    return both[:20_000], both[20_000:]


@pytest.fixture(scope="module")
def index(clustered: tuple[Float32s, Float32s], tmp_path_factory: pytest.TempPathFactory) -> SpannIndex:
    directory = tmp_path_factory.mktemp("spann") / "index"
    return SpannIndex.build(clustered[0], directory=directory, metric="l2", recall=0.95)


def recall(index: SpannIndex, vectors: Float32s, queries: Float32s, effort: Effort | None = None) -> float:
    _, values = index.search(queries, 10, effort=effort)
    true = exact_top_k(vectors, queries, 10, metric=index.params.metric)[1]
    better = values <= true[:, 9:] if index.params.metric == "l2" else values >= true[:, 9:]
    return float(better.mean())


# Recall and reads


def test_codes_lose_next_to_nothing_of_what_the_lists_hold(
    index: SpannIndex, clustered: tuple[Float32s, Float32s]
) -> None:
    everything_read = Effort(n_lists=10_000, rerank=20)  # so that only codes choose what is compared
    assert recall(index, *clustered, everything_read) >= 0.995
    fewer = Effort(n_lists=10_000, rerank=10)  # nothing is compared beyond the answer
    assert 0.9 < recall(index, *clustered, fewer) < recall(index, *clustered, everything_read)


@pytest.mark.parametrize("heads", ["random", "balanced"])
@pytest.mark.parametrize("metric", METRICS)
def test_recall_asked_is_recall_got_on_other_queries(
    clustered: tuple[Float32s, Float32s], metric: Metric, heads: Any, tmp_path: Path
) -> None:
    vectors, queries = clustered[0][:8000], clustered[1]
    index = SpannIndex.build(vectors, SpannParams(metric=metric, recall=0.95, heads=heads), directory=tmp_path / "i")
    chosen = index.measured.chosen
    assert chosen.promised >= 0.95
    assert chosen in index.measured.frontier
    assert recall(index, vectors, queries) >= 0.94


@pytest.mark.parametrize("seed", [7, 8, 10])
def test_recall_asked_is_recall_got_on_twenty_sets_of_queries(seed: int, tmp_path: Path) -> None:
    both = mixture(25_000, 40, 300, seed=seed)
    index = SpannIndex.build(both[:15_000], directory=tmp_path / "i", metric="l2", recall=0.95)
    got = [recall(index, both[:15_000], queries) for queries in both[15_000:].reshape(20, 500, 40)]
    assert min(got) >= 0.94


def test_a_small_share_of_the_vectors_is_read(clustered: tuple[Float32s, Float32s], index: SpannIndex) -> None:
    vectors, queries = clustered
    rows, values, reads = index.search_counted(queries, 10)
    assert np.array_equal(index.search(queries, 10)[0], rows)
    assert (values[:, 1:] >= values[:, :-1]).all()
    assert reads.vectors.mean() <= 0.1 * len(vectors)
    assert (reads.reranked <= index.measured.chosen.effort.rerank).all()
    # 40 values in 48 bytes and 12 more for each row, in whole pages
    assert (reads.list_pages * 4096 >= reads.vectors * 52).all()
    assert reads.list_pages.mean() <= reads.lists.mean() * 4


def test_every_row_is_in_the_list_of_its_nearest_head_and_in_eight_at_most(index: SpannIndex) -> None:
    measured = index.measured
    assert measured.n_rows <= measured.n_entries <= 8 * measured.n_rows
    rows, _ = index.search(np.zeros((1, 40), dtype=np.float32), measured.n_rows, effort=ALL)
    assert np.array_equal(np.sort(rows[0]), np.arange(measured.n_rows))


def test_memory_is_a_small_share_of_the_vectors(clustered: tuple[Float32s, Float32s], index: SpannIndex) -> None:
    assert index.memory_bytes <= 0.15 * clustered[0].nbytes


def test_more_effort_finds_no_less(clustered: tuple[Float32s, Float32s], index: SpannIndex) -> None:
    recalls = [recall(index, *clustered, Effort(n_lists=n, rerank=80)) for n in (1, 4, 16, 64)]
    assert all(later >= earlier for earlier, later in itertools.pairwise(recalls))
    assert recalls[0] < recalls[-1]
    assert recalls[-1] >= 0.99


def test_pruning_leaves_out_far_lists_only(clustered: tuple[Float32s, Float32s], index: SpannIndex) -> None:
    queries = clustered[1]
    lists = [
        index.search_counted(queries, effort=Effort(n_lists=32, ratio=ratio))[2].lists
        for ratio in (1, 1.5, 3, 1e9, None)
    ]
    assert (lists[0] == 1).all()
    assert all((more >= fewer).all() for fewer, more in itertools.pairwise(lists))
    assert (lists[1] < 32).any()
    assert (lists[3] == 32).all()
    assert (lists[4] == 32).all()


def test_a_target_out_of_reach_names_the_best(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((40_000, 96)).astype(np.float32)[:12_000]
    params = SpannParams(metric="l2", recall=1.0, head_share=0.3, replicas=1, candidates=1)
    with pytest.raises(TargetMissed) as caught:
        SpannIndex.build(vectors, params, directory=tmp_path / "i")
    assert "lists" in caught.value.candidate
    assert not (tmp_path / "i").exists()
    assert not any(tmp_path.iterdir())


# Brute force


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    metric=st.sampled_from(METRICS),
    heads=st.sampled_from(["random", "balanced"]),
    n=st.integers(0, 40),
    dim=st.integers(1, 5),
    k=st.integers(1, 12),
)
def test_reading_everything_is_brute_force(
    data: st.DataObject, metric: Metric, heads: Any, n: int, dim: int, k: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Quarters have exact sums; equal rows, zeros and ties are common.
    quarters = st.lists(st.integers(-4, 4).map(lambda i: i / 4), min_size=dim, max_size=dim)
    rows = data.draw(st.lists(quarters, min_size=n, max_size=n))
    vectors = np.array(rows, dtype=np.float32).reshape(n, dim)
    queries = np.array(data.draw(st.lists(quarters, min_size=1, max_size=4)), dtype=np.float32)
    exclude = [[data.draw(st.integers(-1, max(0, n - 1)))] for _ in queries]
    params = SpannParams(metric=metric, heads=heads, head_share=0.5, recall=0.01)
    index = SpannIndex.build(vectors, params, directory=tmp_path_factory.mktemp("brute") / "i")
    found, values = index.search(queries, k, effort=ALL, exclude=np.array(exclude))
    true_rows, true_values = nearest(vectors, queries, k, metric, exclude)
    np.testing.assert_allclose(values, true_values, rtol=1e-6, atol=1e-7)
    if metric != "cosine":  # its quotients tie in exact arithmetic and not in float64
        assert np.array_equal(found, true_rows)


@pytest.mark.parametrize("n_lists", [1, 3])
def test_k_rows_are_found_when_there_are_k(index: SpannIndex, n_lists: int) -> None:
    queries = mixture(3, 40, 3, seed=9)
    rows, values = index.search(queries, 500, effort=Effort(n_lists=n_lists))
    assert (rows >= 0).all()
    assert np.isfinite(values).all()
    assert all(np.unique(found).size == 500 for found in rows)


# Equal bytes


def test_bytes_do_not_depend_on_threads_or_memory(tmp_path: Path) -> None:
    vectors = mixture(3000, 24, 40)
    vectors[100:140] = vectors[7]
    params = SpannParams(metric="l2", recall=0.9, list_limit=60)
    least = 1_000_000
    assert rows_per_range(3000, 24, params, least, 1) < 600 < rows_per_range(3000, 24, params, "1 GiB", 1)
    builds = {"one": {}, "three": {"n_threads": 3}, "tight": {"memory": least}}
    found = []
    for name, options in builds.items():
        SpannIndex.build(vectors, params, directory=tmp_path / name, **options)  # type: ignore[arg-type]
        found.append(digests(tmp_path / name))
    assert found[0] == found[1] == found[2]


def test_answers_do_not_depend_on_threads_batches_or_reading(
    clustered: tuple[Float32s, Float32s], index: SpannIndex, tmp_path: Path
) -> None:
    queries = clustered[1][:70]
    rows, values = index.search(queries, 10)
    for other in (index.search(queries, 10, n_threads=3), _alone(index, queries)):
        assert np.array_equal(other[0], rows)
        assert np.array_equal(other[1], values)
    directory = tmp_path / "i"
    SpannIndex.build(clustered[0], index.params, directory=directory)
    reading = SpannIndex.open(directory, reading="read")
    assert np.array_equal(reading.search(queries, 10)[1], values)
    assert np.array_equal(reading.search(queries, 10, n_threads=2)[0], rows)


def _alone(index: SpannIndex, queries: Float32s) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    found = [index.search(queries[i : i + 1], 10) for i in range(len(queries))]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([values for _, values in found])


def test_long_lists_lose_the_farthest_rows_that_have_a_nearer_head(tmp_path: Path) -> None:
    vectors = mixture(2000, 8, 5)
    params = SpannParams(metric="l2", recall=0.5)
    free = SpannIndex.build(vectors, params, directory=tmp_path / "free")
    cut = SpannIndex.build(vectors, dataclasses.replace(params, list_limit=30), directory=tmp_path / "cut")
    assert cut.measured.n_entries < free.measured.n_entries
    assert cut.measured.longest_list < free.measured.longest_list
    rows, _ = cut.search(np.zeros((1, 8), dtype=np.float32), 2000, effort=ALL)
    assert np.array_equal(np.sort(rows[0]), np.arange(2000))


# Ugly data


@pytest.mark.parametrize("metric", METRICS)
def test_thousands_of_equal_rows_do_not_hide_the_rest(metric: Metric, tmp_path: Path) -> None:
    vectors = mixture(4000, 16, 30, seed=1)
    vectors[500:3000] = vectors[3]
    vectors[3000:3200] = 0
    index = SpannIndex.build(vectors, SpannParams(metric=metric, recall=0.95), directory=tmp_path / "i")
    assert index.measured.n_distinct == 4000 - 2500 - 199
    assert recall(index, vectors, mixture(200, 16, 30, seed=1)) >= 0.93
    if metric == "l2":
        rows, values = index.search(vectors[3:4], 12)
        assert rows[0].tolist() == [3, *range(500, 511)]
        assert not values.any()


@pytest.mark.parametrize("heads", ["random", "balanced"])
def test_one_tight_giant_cluster_far_from_the_origin_is_told_apart(heads: Any, tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    vectors = draw.standard_normal((6000, 24)).astype(np.float32)
    vectors[:5000] = 20 + 1e-3 * draw.standard_normal((5000, 24))
    index = SpannIndex.build(vectors, SpannParams(metric="l2", recall=0.9, heads=heads), directory=tmp_path / "i")
    queries = (20 + 1e-3 * draw.standard_normal((100, 24))).astype(np.float32)
    assert recall(index, vectors, queries) >= 0.88
    assert index.measured.longest_list <= 1500


@pytest.mark.parametrize("scale", [1e-18, 1e15])
@pytest.mark.parametrize("metric", METRICS)
def test_any_scale_of_numbers_will_do(metric: Metric, scale: float, tmp_path: Path) -> None:
    both = (scale * mixture(1600, 12, 20)).astype(np.float32)
    vectors, queries = both[:1500], both[1500:]
    index = SpannIndex.build(vectors, SpannParams(metric=metric, recall=0.9), directory=tmp_path / "i")
    assert recall(index, vectors, queries) >= 0.85


def test_queries_far_from_everything_are_answered(index: SpannIndex, clustered: tuple[Float32s, Float32s]) -> None:
    queries = np.full((1, 40), 1e12, dtype=np.float32)
    rows, values = index.search(queries, 5)
    assert (rows >= 0).all()
    assert np.isfinite(values).all()


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_fewer_rows_than_k_are_padded(n: int, tmp_path: Path) -> None:
    vectors = mixture(20, 6, 2)[:n]
    index = SpannIndex.build(vectors, directory=tmp_path / "i", metric="l2")
    rows, values = index.search(np.ones((2, 6), dtype=np.float32), 10)
    assert (np.sort(rows)[:, 10 - n :] == np.arange(n)).all()
    assert (rows[:, n:] == -1).all()
    assert np.isinf(values[:, n:]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_by_row(bad: float, tmp_path: Path) -> None:
    vectors = mixture(50, 4, 2)
    vectors[31, 2] = bad
    with pytest.raises(InvalidInput, match="row 31 of 50"):
        SpannIndex.build(vectors, directory=tmp_path / "i")
    assert not any(tmp_path.iterdir())


def test_bad_queries_are_refused(index: SpannIndex) -> None:
    good = np.zeros((1, 40), dtype=np.float32)
    for queries, k in ((good[:, :5], 10), (good + np.nan, 10), (good, 0), (good[0], 10)):
        with pytest.raises(InvalidQuery):
            index.search(queries, k)
    for effort in ({"n_lists": 0}, {"n_lists": 1, "rerank": 0}, {"n_lists": 1, "ratio": 0.5}):
        with pytest.raises(InvalidQuery):
            Effort(**effort)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        {"recall": 0.0},
        {"recall": 1.5},
        {"metric": "hamming"},
        {"heads": "best"},
        {"head_share": 0.0},
        {"head_share": 0.9},
        {"replicas": 0},
        {"replicas": 8, "candidates": 4},
        {"list_limit": 0},
        {"sample": 0},
    ],
)
def test_parameters_that_cannot_run_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        SpannParams(**bad)


def test_too_little_memory_is_refused_with_what_would_do(tmp_path: Path) -> None:
    vectors = mixture(1000, 8, 5)
    with pytest.raises(InvalidParams, match="at least") as caught:
        SpannIndex.build(vectors, directory=tmp_path / "i", memory="10 KiB")
    needed = int(str(caught.value).split("at least ")[1].split()[0])
    SpannIndex.build(vectors, directory=tmp_path / "i", memory=needed)


def test_a_directory_that_is_no_index_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("keep")
    with pytest.raises(StoreUnavailable, match="no index"):
        SpannIndex.build(mixture(20, 4, 2), directory=tmp_path / "letters")
    assert (tmp_path / "letters" / "mine.txt").read_text() == "keep"


def test_an_index_that_is_replaced_stays_whole_for_who_has_it_open(tmp_path: Path) -> None:
    before, after = mixture(300, 6, 3), mixture(500, 6, 3, seed=2)
    index = SpannIndex.build(before, directory=tmp_path / "i", metric="l2")
    expected = index.search(before[:9], 3)[1]
    other = SpannIndex.build(after, directory=tmp_path / "i", metric="l2")
    assert np.array_equal(index.search(before[:9], 3)[1], expected)
    assert other.n_rows == SpannIndex.open(tmp_path / "i").n_rows == 500
