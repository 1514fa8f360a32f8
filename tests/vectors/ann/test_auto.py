"""The choice of a form: targets are met, the choice is told, and nothing in it looks at a clock."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import InvalidParams, TargetMissed
from tests.vectors.ann.test_index import mixture
from vectors.ann import params as ann_params
from vectors.ann.cost import inside_cost, list_cost, rescored_cost, scan_cost, walk_cost
from vectors.ann.exact import exact_top_k
from vectors.ann.families import Candidate, candidates, least_cost, least_lists
from vectors.ann.forms import LISTED, Kind, list_form
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams, is_open, stated
from vectors.ann.probing import around, closer
from vectors.ann.sweeping import Trial, sweep
from vectors.ann.tuning import held_out
from vectors.metrics import Metric

Float32s = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def clustered() -> tuple[Float32s, Float32s]:
    """9,000 rows, some of them equal, and 200 queries of one law."""
    both = mixture(9200, 64, 90)
    both[100:300] = both[0]
    return both[:9000], both[9000:]


@pytest.fixture(scope="module")
def chosen(clustered: tuple[Float32s, Float32s]) -> ANNIndex:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ann_params, "_SCANNED_BYTES", 0)
        return ANNIndex.build(clustered[0], metric="l2", recall=0.95)


def test_the_asked_recall_is_got_on_queries_that_are_no_rows(
    chosen: ANNIndex, clustered: tuple[Float32s, Float32s]
) -> None:
    vectors, queries = clustered
    measured = chosen.measured
    assert measured is not None
    assert measured.recall - measured.standard_error >= 0.95
    values = chosen.search(queries, 10)[1]
    true = exact_top_k(vectors, queries, 10, metric="l2")[1]
    assert (values <= true[:, 9:]).mean() >= 0.93


def test_the_whole_comparison_is_kept_and_the_cheapest_was_taken(chosen: ANNIndex) -> None:
    measured = chosen.measured
    assert measured is not None
    assert measured.cost is not None
    assert {form.kind for form in measured.tried} >= {"ivf", "ivfsq", "rabitq", "ivfpq", "hnsw"}
    in_full = [form for form in measured.tried if form.n_rows == 9000]
    assert 1 <= len(in_full) <= 2
    assert measured.kind in {form.kind for form in in_full}
    for form in in_full:
        enough = [cost for _, _, recall, cost in form.points if recall >= 0.97]
        assert min(enough, default=np.inf) >= measured.cost
    assert measured.cost <= scan_cost(9000, 64, "float32") / 1000
    assert measured.reason.startswith("auto:")


def test_only_what_cannot_come_near_was_not_built(chosen: ANNIndex) -> None:
    measured = chosen.measured
    assert measured is not None
    compared = [form for form in measured.tried if form.n_rows == 6000]
    assert [form.kind for form in compared if form.points]
    enough = [(cost, n_probe) for form in compared for n_probe, _, recall, cost in form.points if recall >= 0.95]
    cost, n_probe = min(enough)
    for form in compared:
        if not form.points:
            family = Candidate(kind=form.kind, storage="float32")
            assert least_cost(family, 9000, 64, chosen.params, n_probe) >= cost


@pytest.mark.parametrize("kind", ["ivf", "ivfsq"])
def test_numbers_of_lists_between_two_of_the_grid_are_tried(kind: Kind, clustered: tuple[Float32s, Float32s]) -> None:
    vectors, _ = clustered
    params = ANNParams(metric="l2", kind=kind, recall=0.99, n_lists=512)
    shard = ANNIndex.build(vectors, params).shards[0]
    held = held_out(vectors, shard.ids, params, 300)
    trial = Trial(shard=shard, vectors=vectors, held=held, params=params, n_whole=len(shard.ids))
    points = sweep(trial)
    best = min((point for point in points if point.recall - point.error >= 0.99), key=lambda point: point.cost)
    tried = sorted({point.n_probe for point in points})
    beside = [*tried, *trial.probes[len(tried) :]]
    at = beside.index(best.n_probe)
    found = closer(trial, points)
    assert bool(found) == (best.n_probe - (beside[at - 1] if at else 0) > 1)
    assert all(beside[at - 1] < point.n_probe < beside[at + 1] and point.cost < best.cost for point in found)
    assert {point.n_probe for point in sweep(trial, least_probe=5)} & {1, 2, 3, 4} == set()
    assert all(point.cost < 9.0 for point in sweep(trial, at_most=9.0))
    costs = [point.cost for point in around(trial, sweep(trial.asking(50))) if point.recall - point.error >= 0.99]
    assert min(costs) <= min([best.cost, *(point.cost for point in found if point.recall - point.error >= 0.99)])


def test_a_sample_is_counted_at_the_price_of_all_rows(clustered: tuple[Float32s, Float32s]) -> None:
    vectors, _ = clustered
    params = ANNParams(metric="l2", kind="ivfsq")
    shard = ANNIndex.build(vectors[:2000], params).shards[0]
    held = held_out(vectors[:2000], shard.ids, params, 100)
    sample = Trial(shard=shard, vectors=vectors[:2000], held=held, params=params, n_whole=len(shard.ids))
    whole = dataclasses.replace(sample, n_whole=200_000)
    for one, all_rows in zip(sample.points(8), whole.points(8), strict=True):
        assert (one.recall, one.error) == (all_rows.recall, all_rows.error)
        assert one.cost < all_rows.cost


def test_a_slow_clock_changes_nothing(
    chosen: ANNIndex, clustered: tuple[Float32s, Float32s], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ann_params, "_SCANNED_BYTES", 0)
    ticks = iter(range(10**9))
    for name in ("time", "perf_counter", "process_time", "monotonic"):
        monkeypatch.setattr(time, name, lambda: 1e3 * next(ticks))
    again = ANNIndex.build(clustered[0], metric="l2", recall=0.95, n_threads=2)
    monkeypatch.undo()
    for name, index in (("one", chosen), ("two", again)):
        index.save(tmp_path / name)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_a_saved_choice_opens_with_all_it_knew(chosen: ANNIndex, tmp_path: Path) -> None:
    chosen.save(tmp_path)
    assert ANNIndex.open(tmp_path).measured == chosen.measured


def test_memory_leaves_out_what_does_not_fit(
    clustered: tuple[Float32s, Float32s], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ann_params, "_SCANNED_BYTES", 0)
    params = ANNParams(metric="l2", recall=0.8, memory=9000 * (64 + 8 + 50))
    index = ANNIndex.build(clustered[0], params)
    assert index.measured is not None
    assert index.measured.n_bytes <= 9000 * (64 + 8 + 50)
    assert index.measured.storage == "int8"
    forms = candidates(9000, 64, dataclasses.replace(params, memory=9000 * (64 + 9)))
    assert [(form.kind, form.storage) for form in forms] == [("flat", "int8")]
    with pytest.raises(InvalidParams, match="memory"):
        ANNIndex.build(clustered[0], dataclasses.replace(params, memory=1000))


def test_a_latency_nothing_keeps_is_an_error_that_names_the_quickest(clustered: tuple[Float32s, Float32s]) -> None:
    params = ANNParams(metric="l2", recall=0.95, latency=1.0)
    with pytest.raises(TargetMissed, match="counted microseconds") as raised:
        ANNIndex.build(clustered[0], params)
    assert raised.value.best > 1.0
    kept = ANNIndex.build(clustered[0], dataclasses.replace(params, allow_missed=True)).measured
    assert kept is not None
    assert kept.cost == raised.value.best


def test_a_latency_opens_the_choice_and_is_kept(clustered: tuple[Float32s, Float32s], chosen: ANNIndex) -> None:
    assert chosen.measured is not None
    assert chosen.measured.cost is not None
    measured = ANNIndex.build(clustered[0], ANNParams(metric="l2", latency=2 * chosen.measured.cost)).measured
    assert measured is not None
    assert measured.cost is not None
    assert measured.cost <= 2 * chosen.measured.cost
    assert measured.recall - measured.standard_error >= 0.95


def test_few_rows_are_scanned_whatever_was_asked() -> None:
    measured = ANNIndex.build(mixture(500, 16, 5), ANNParams(latency=1e6)).measured
    assert measured is not None
    assert measured.kind == "flat"


@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_other_metrics_are_chosen_for_too(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ann_params, "_SCANNED_BYTES", 0)
    monkeypatch.setattr(ann_params, "_SCANNED_BYTES_INNER_PRODUCT", 0)
    both = mixture(3100, 40, 30)
    index = ANNIndex.build(both[:3000], ANNParams(metric=metric), heldout=both[3000:])
    assert index.measured is not None
    assert index.measured.queries == "given"
    values = index.search(both[3000:], 10)[1]
    true = exact_top_k(both[:3000], both[3000:], 10, metric=metric)[1]
    assert (values >= true[:, 9:]).mean() >= 0.95


def test_only_what_is_too_much_to_scan_is_open() -> None:
    assert not is_open(20_000, 256, ANNParams())
    assert is_open(63_436, 256, ANNParams())
    assert not is_open(63_436, 2048, ANNParams(metric="inner_product"))
    assert is_open(20_000, 256, ANNParams(latency=100.0))
    assert not is_open(63_436, 256, ANNParams(kind="ivf", latency=100.0))


def test_what_identifies_an_index_does_not_change_by_params_it_does_not_use() -> None:
    assert list(stated(ANNParams())) == [
        "metric",
        "recall",
        "memory",
        "kind",
        "storage",
        "m",
        "ef_construction",
        "shard_rows",
        "seed",
    ]
    assert stated(ANNParams(latency=3.0))["latency"] == 3.0
    assert json.loads(json.dumps(stated(ANNParams(n_lists=3)))) == stated(ANNParams(n_lists=3))


def test_more_work_counts_more() -> None:
    for kind in LISTED:
        form = list_form(kind, 60_000, 784)
        base = list_cost(form, 784, "float32", 60_000, n_probe=8, n_read=2000, n_rescored=80)
        assert list_cost(form, 784, "float32", 60_000, n_probe=9, n_read=2000, n_rescored=80) > base
        assert list_cost(form, 784, "float32", 60_000, n_probe=8, n_read=2100, n_rescored=80) > base
        assert list_cost(form, 784, "float32", 60_000, n_probe=8, n_read=2000, n_rescored=90) > base
        assert list_cost(form, 784, "uint8", 60_000, n_probe=8, n_read=2000, n_rescored=80) < base
    assert walk_cost(1000, 64, "float32", 20) < walk_cost(1000, 64, "float32", 40)
    assert rescored_cost(10, 64, "uint8", 90_000) < rescored_cost(10, 64, "float32", 90_000)
    assert rescored_cost(10, 64, "float32", 900) < rescored_cost(10, 64, "float32", 90_000)
    assert rescored_cost(10, 64, "float32", 90_000) < rescored_cost(10, 64, "float32", 900_000)
    assert inside_cost(10, 64, "uint8") < inside_cost(11, 64, "uint8")


def test_more_lists_take_more_of_them_but_fewer_than_in_proportion() -> None:
    assert least_lists(16, 256, 256) == 12
    assert least_lists(16, 256, 1024) == 24  # twice, of four times as many, and three quarters of that
    assert least_lists(16, 256, 64) == 3
    assert least_lists(1, 4096, 64) == 1


def test_lists_of_bytes_are_tried_in_two_widths_where_columns_are_many() -> None:
    widths = {
        dim: [form.n_columns for form in candidates(9000, dim, ANNParams(latency=1e9)) if form.kind == "ivfsq"]
        for dim in (64, 191, 192, 784)
    }
    assert widths == {64: [None], 191: [None], 192: [None, 128], 784: [None, 128]}
    asked = candidates(9000, 784, ANNParams(latency=1e9, projection=96))
    assert [form.n_columns for form in asked if form.kind == "ivfsq"] == [None]


@pytest.mark.parametrize(("decay", "noise", "n_columns"), [(0.0, 0.4, 128), (0.25, 0.8, 64)])
def test_the_wider_lists_are_chosen_where_the_first_columns_tell_little(
    decay: float, noise: float, n_columns: int, tmp_path: Path
) -> None:
    draw = np.random.default_rng(2)
    places, around = (draw.standard_normal((n, 256)).astype(np.float32) for n in (900, 9000))
    spread = np.arange(1, 257, dtype=np.float32) ** np.float32(-decay)
    vectors = (np.repeat(places, 10, axis=0) + np.float32(noise) * around) * spread
    index = ANNIndex.build(vectors, ANNParams(metric="l2", latency=1e9, recall=0.95, allow_missed=True))
    assert index.measured is not None
    assert {("ivfsq", 64), ("ivfsq", 128)} <= {(tried.kind, tried.n_columns) for tried in index.measured.tried}
    index.save(tmp_path / "index")
    for each in (index, ANNIndex.open(tmp_path / "index")):
        lists = each.shards[0].lists
        assert lists is not None
        assert (lists.kind, lists.form.n_columns) == ("ivfsq", n_columns)
