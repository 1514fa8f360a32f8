"""Inverted lists: every kind finds what it should, is read by plain FAISS, and has the same bytes every time."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import ArtifactCorrupt, InvalidInput, InvalidQuery, TargetMissed
from tests.vectors.ann.test_index import mixture
from vectors.ann.build import build_shard
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.forms import LISTED, index_bytes, list_form
from vectors.ann.index import ANNIndex, tune
from vectors.ann.params import ANNParams, plan
from vectors.metrics import METRICS, Metric

Float32s = npt.NDArray[np.float32]
ROOT = Path(__file__).parents[3]


def params_of(kind: Any, **others: Any) -> ANNParams:
    return ANNParams(**{"kind": kind, "metric": "l2", "recall": 0.9} | others)


@pytest.fixture(scope="module")
def clustered() -> tuple[Float32s, Float32s]:
    """6,000 rows and 200 queries of one law; the queries are not rows."""
    both = mixture(6200, 48, 60)
    return both[:6000], both[6000:]


@pytest.fixture(scope="module", params=LISTED)
def built(request: pytest.FixtureRequest, clustered: tuple[Float32s, Float32s]) -> ANNIndex:
    return ANNIndex.build(clustered[0], params_of(request.param, recall=0.95))


# Recall


def test_recall_asked_is_recall_got_on_queries_that_are_no_rows(
    built: ANNIndex, clustered: tuple[Float32s, Float32s]
) -> None:
    measured = built.measured
    assert measured is not None
    assert measured.recall - measured.standard_error >= 0.95
    vectors, queries = clustered
    values = built.search(queries, 10)[1]
    true = exact_top_k(vectors, queries, 10, metric="l2")[1]
    assert (values <= true[:, 9:]).mean() >= 0.95 - 0.03


def test_the_chosen_pair_is_the_cheapest_of_those_kept_that_reach_the_recall(built: ANNIndex) -> None:
    assert built.measured is not None
    (form,) = built.measured.tried
    recalls, costs = [point[2] for point in form.points], [point[3] for point in form.points]
    assert recalls == sorted(recalls)
    assert costs == sorted(costs)
    chosen = next(point for point in form.points if point[:2] == (built.measured.n_probe, built.measured.k_factor))
    assert all(recall < 0.96 for _, _, recall, cost in form.points if cost < chosen[3])


def test_values_are_exact_and_in_order(built: ANNIndex, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = clustered
    rows, values = built.search(queries, 10)
    assert exact_values(vectors, queries, rows, metric="l2").tobytes() == values.tobytes()
    assert (np.diff(values, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("metric", METRICS)
def test_all_lists_with_everything_scored_again_are_brute_force(kind: Any, metric: Metric) -> None:
    vectors, queries = mixture(400, 40, 8), mixture(20, 40, 8, seed=1)
    vectors[1::40] = vectors[0]
    index = ANNIndex.build(vectors, params_of(kind, metric=metric, recall=0.1))
    rows, values = index.search(queries, 10, n_probe=1000, k_factor=1000)
    true_rows, true_values = exact_top_k(vectors, queries, 10, metric=metric)
    assert rows.tobytes() == true_rows.tobytes()
    assert values.tobytes() == true_values.tobytes()


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("metric", METRICS)
def test_thousands_of_equal_rows_do_not_cut_the_rest_off(kind: Any, metric: Metric) -> None:
    both = mixture(3100, 32, 30, seed=1)
    vectors, queries = both[:3000], both[3000:]
    vectors[::2] = vectors[0]
    vectors[1:1000:4] = 0.0
    index = ANNIndex.build(vectors, params_of(kind, metric=metric, recall=0.95))
    assert index.measured is not None
    assert (index.measured.n_distinct, index.measured.n_zero) == (1252, 250)
    values = index.search(queries, 10)[1]
    true = exact_top_k(vectors, queries, 10, metric=metric)[1][:, 9:]
    assert ((values <= true) if metric == "l2" else (values >= true)).mean() >= 0.9


def test_a_recall_that_codes_cannot_reach_is_an_error_that_names_the_best_pair() -> None:
    vectors = np.random.default_rng(0).standard_normal((3000, 64)).astype(np.float32)
    with pytest.raises(TargetMissed, match="rabitq of float32 at n_probe") as raised:
        ANNIndex.build(vectors, params_of("rabitq", projection=8, recall=1.0))
    assert 0.0 < raised.value.best < 1.0
    kept = ANNIndex.build(vectors, params_of("rabitq", projection=8, recall=1.0, allow_missed=True)).measured
    assert kept is not None
    assert kept.recall == pytest.approx(raised.value.best + kept.standard_error, abs=1e-6)


def test_a_wider_search_for_more_neighbours_finds_most_of_them(
    built: ANNIndex, clustered: tuple[Float32s, Float32s]
) -> None:
    vectors, queries = clustered
    values = built.search(queries, 100)[1]
    true = exact_top_k(vectors, queries, 100, metric="l2")[1]
    assert (values <= true[:, 99:]).mean() >= 0.8


# Stored vectors


@pytest.mark.parametrize("kind", LISTED)
def test_whole_numbers_up_to_255_are_kept_as_bytes_without_loss(kind: Any) -> None:
    draw = np.random.default_rng(0)
    vectors = np.clip(mixture(2000, 64, 20) * 20 + 128, 0, 255).round().astype(np.float32)
    wide = vectors.copy()
    wide[0, 0] = 256
    params = params_of(kind)
    index, other = ANNIndex.build(vectors, params), ANNIndex.build(wide, params)
    assert index.measured is not None
    assert other.measured is not None
    assert (index.measured.storage, other.measured.storage) == ("uint8", "float32")
    assert index.measured.n_bytes < 0.7 * other.measured.n_bytes
    for queries in (vectors[:30], vectors[:30] + draw.random((30, 64)).astype(np.float32) - 0.5, -vectors[:30]):
        rows, values = index.search(queries, 10)
        assert exact_values(vectors, queries, rows, metric="l2").tobytes() == values.tobytes()


@pytest.mark.parametrize("storage", ["float16", "int8"])
@pytest.mark.parametrize("kind", ["ivf", "rabitq"])
def test_narrow_vectors_cost_recall_that_is_told(kind: Any, storage: Any, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, queries = clustered
    index = ANNIndex.build(vectors, params_of(kind, storage=storage, recall=0.8))
    assert index.measured is not None
    assert index.measured.storage == storage
    rows = index.search(queries, 10)[0]
    true = exact_top_k(vectors, queries, 10, metric="l2")[1]
    got = (exact_values(vectors, queries, rows, metric="l2") <= true[:, 9:]).mean()
    assert got >= 0.78


@pytest.mark.parametrize("kind", LISTED)
def test_size_is_foreseen(kind: Any) -> None:
    vectors = mixture(4000, 64, 40)
    index = ANNIndex.build(vectors, params_of(kind, recall=0.5))
    assert index.measured is not None
    form = list_form(kind, 4000, 64)
    assert index.measured.n_bytes == pytest.approx(index_bytes(4000, 64, kind, "float32", 32, form), rel=0.01)
    assert index.shards[0].lists is not None
    assert index.shards[0].lists.form == form


@pytest.mark.parametrize(
    ("n", "n_lists"), [(0, 1), (1, 1), (2, 1), (3, 2), (6_000, 64), (60_000, 256), (1_000_000, 1024)]
)
def test_lists_are_about_the_square_root(n: int, n_lists: int) -> None:
    assert list_form("ivf", n, 64).n_lists == n_lists


@pytest.mark.parametrize(
    ("n", "n_lists"), [(0, 1), (3, 2), (500, 16), (6_000, 128), (60_000, 512), (1_000_000, 4096), (10**9, 2**18)]
)
def test_lists_of_bytes_are_more_and_shorter(n: int, n_lists: int) -> None:
    assert list_form("ivfsq", n, 64).n_lists == n_lists
    assert 2**-0.51 < n_lists / max(n ** (2 / 3) / 3, n**0.5, 1) < 2**0.51


def test_columns_are_projected_where_that_saves_enough() -> None:
    assert (list_form("ivf", 10, 784).n_columns, list_form("ivf", 10, 784).is_projected) == (128, True)
    assert (list_form("ivf", 10, 150).n_columns, list_form("ivf", 10, 150).is_projected) == (150, False)
    assert (list_form("rabitq", 10, 100).n_columns, list_form("rabitq", 10, 100).is_projected) == (96, True)
    assert (list_form("ivfpq", 10, 784).n_columns, list_form("ivfpq", 10, 784).n_codes) == (784, 98)
    assert list_form("ivfpq", 10, 37).n_codes == 37
    assert list_form("ivfsq", 10, 784, n_columns=900).n_columns == 784


def test_memory_narrows_what_is_scored_again() -> None:
    widths = [plan(100_000, 256, params_of("rabitq", memory=memory)).storage for memory in ("1 GB", "70 MB", "35 MB")]
    assert widths == ["float32", "float16", "int8"]


# Equal bytes


def digest(vectors: Float32s, params: ANNParams) -> str:
    built = build_shard(vectors, params, 0, len(vectors))
    return hashlib.sha256(built.index.tobytes() + built.copies.tobytes()).hexdigest()


@pytest.mark.parametrize("kind", LISTED)
def test_bytes_are_equal_on_every_run_for_any_threads_and_instruction_set(kind: Any) -> None:
    vectors = np.random.default_rng(9).integers(-3, 4, (1500, 40)).astype(np.float32) * np.float32(0.1)
    params = params_of(kind, projection=24)
    expected = digest(vectors, params)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    assert digest(vectors, params) == expected
    faiss.omp_set_num_threads(threads)
    if faiss.SIMDConfig.is_simd_level_available(faiss.SIMDLevel_AVX512):
        faiss.SIMDConfig.set_level(faiss.SIMDLevel_AVX512)
        assert digest(vectors, params) == expected
    assert digest(vectors, dataclasses.replace(params, seed=1)) != expected


def test_another_process_builds_the_same_bytes() -> None:
    vectors = mixture(900, 40, 10)
    code = (
        "import sys; from tests.vectors.ann import test_lists as t\n"
        "for kind in t.LISTED: print(t.digest(t.mixture(900, 40, 10), t.params_of(kind)))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=ROOT,
        timeout=120,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"},
    ).stdout
    assert out.split() == [digest(vectors, params_of(kind)) for kind in LISTED]


def test_answers_are_equal_alone_in_a_batch_and_on_many_threads(built: ANNIndex) -> None:
    # Few distinct values: many pairs of codes tie, and the order of ties must not depend on the batch.
    vectors = np.random.default_rng(0).integers(0, 3, (3000, 48)).astype(np.float32)
    index = ANNIndex.build(vectors, dataclasses.replace(built.params, recall=0.3))
    queries = np.random.default_rng(1).integers(0, 3, (80, 48)).astype(np.float32)
    for k in (10, 40):
        rows, values = index.search(queries, k)
        again = index.search(queries, k, n_threads=3)
        assert (again[0].tobytes(), again[1].tobytes()) == (rows.tobytes(), values.tobytes())
        for query in range(len(queries)):
            alone = index.search(queries[query : query + 1], k)
            assert (alone[0].tobytes(), alone[1].tobytes()) == (rows[query].tobytes(), values[query].tobytes())


def test_tuning_again_measures_the_same(built: ANNIndex, clustered: tuple[Float32s, Float32s]) -> None:
    assert tune(built, clustered[0], built.params, n_threads=2) == built.measured


# Files


def test_plain_faiss_reads_the_file_and_searches_it(
    built: ANNIndex, clustered: tuple[Float32s, Float32s], tmp_path: Path
) -> None:
    vectors, queries = clustered
    built.save(tmp_path)
    plain = faiss.read_index(str(tmp_path / "shard-000000.faiss"))
    inner = faiss.downcast_index(faiss.downcast_index(plain.index).base_index)
    lists = faiss.downcast_index(inner.index) if isinstance(inner, faiss.IndexPreTransform) else inner
    lists.nprobe = 40
    faiss.downcast_index(plain.index).k_factor = 20.0
    distances, rows = plain.search(queries, 10)
    true = exact_top_k(vectors, queries, 10, metric="l2")[1]
    assert (exact_values(vectors, queries, rows, metric="l2") <= true[:, 9:]).mean() >= 0.95
    np.testing.assert_allclose(np.sqrt(distances), exact_values(vectors, queries, rows, metric="l2"), rtol=1e-3)


def test_saved_and_opened_it_answers_and_saves_the_same(
    built: ANNIndex, clustered: tuple[Float32s, Float32s], tmp_path: Path
) -> None:
    built.save(tmp_path / "one")
    opened = ANNIndex.open(tmp_path / "one")
    assert (opened.params, opened.measured) == (built.params, built.measured)
    rows, values = built.search(clustered[1], 10)
    again = opened.search(clustered[1], 10)
    assert (again[0].tobytes(), again[1].tobytes()) == (rows.tobytes(), values.tobytes())
    opened.save(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert [(tmp_path / "one" / name).read_bytes() for name in names] == [
        (tmp_path / "two" / name).read_bytes() for name in names
    ]


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_flipped_byte_is_noticed(built: ANNIndex, tmp_path: Path, at: float) -> None:
    built.save(tmp_path)
    path = tmp_path / "shard-000000.faiss"
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactCorrupt, match="shard-000000"):
        ANNIndex.open(tmp_path)


# Edges


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_small_indexes_answer_like_brute_force(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(LISTED), label="kind")
    n, dim = data.draw(st.integers(1, 25), label="n"), data.draw(st.integers(1, 20), label="dim")
    metric: Metric = data.draw(st.sampled_from(METRICS), label="metric")
    draw = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    vectors = draw.integers(-1, 2, (n, dim)).astype(np.float32)
    index = ANNIndex.build(vectors, params_of(kind, metric=metric, recall=0.01, allow_missed=True))
    exclude = draw.integers(-1, n, (n, 2))
    rows, values = index.search(vectors, 30, exclude=exclude, n_probe=99, k_factor=99)
    true_rows, true_values = exact_top_k(vectors, vectors, 30, metric=metric, exclude=exclude)
    assert rows.tobytes() == true_rows.tobytes()
    assert values.tobytes() == true_values.tobytes()


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("metric", METRICS)
def test_no_rows_and_one_row(kind: Any, metric: Metric) -> None:
    params = params_of(kind, metric=metric)
    none = ANNIndex.build(np.zeros((0, 9), dtype=np.float32), params)
    assert none.search(np.ones((2, 9), dtype=np.float32), 2)[0].tolist() == [[-1, -1], [-1, -1]]
    one = ANNIndex.build(np.ones((1, 9), dtype=np.float32), params)
    assert one.search(np.zeros((1, 9), dtype=np.float32), 2)[0].tolist() == [[0, -1]]
    assert one.search(np.zeros((0, 9), dtype=np.float32), 2)[0].shape == (0, 2)


@pytest.mark.parametrize("kind", LISTED)
def test_more_lists_than_vectors_and_one_giant_cluster_still_answer(kind: Any) -> None:
    vectors = mixture(500, 16, 5)
    assert ANNIndex.build(vectors, params_of(kind, n_lists=700, recall=0.5)).search(vectors[:3], 5)[0].shape == (3, 5)
    vectors[20:] = 1e-3 * vectors[20:] + 7
    index = ANNIndex.build(vectors, params_of(kind, recall=0.5))
    rows, _ = index.search(vectors[:20], 1)
    assert rows[:, 0].tolist() == list(range(20))


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20])
def test_a_vector_that_cannot_be_indexed_is_named(kind: Any, value: float) -> None:
    vectors = np.ones((90, 12), dtype=np.float32)
    vectors[70, 1] = value
    with pytest.raises(InvalidInput, match="row 70 of 90"):
        ANNIndex.build(vectors, params_of(kind))


def test_questions_that_make_no_sense_are_refused(built: ANNIndex) -> None:
    one = np.zeros((1, 48), dtype=np.float32)
    for name in ("n_probe", "k_factor"):
        with pytest.raises(InvalidQuery, match=f"{name} = 0"):
            built.search(one, 1, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="never measured"):
        dataclasses.replace(built, measured=None).search(one, 1)
