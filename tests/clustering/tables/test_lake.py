"""Tables inside tables."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.tables.lake import LakeParams, Pair, contained_tables
from clustering.tables.table import Table, read_table
from foundation.errors import InvalidInput, InvalidParams

CELLS = {
    "a": st.integers(0, 3) | st.none(),
    "b": st.sampled_from(["p", "q", "r"]) | st.none(),
    "c": st.sampled_from([0.0, -0.0, 1.5, float("nan")]) | st.none(),
}
TYPES = {"a": pl.Int64, "b": pl.String, "c": pl.Float64}


@st.composite
def lakes(draw: st.DrawFn) -> list[pl.DataFrame]:
    """Tables with some of three columns, and rows and columns of them, so that many are contained."""
    frames = []
    for _ in range(draw(st.integers(1, 3))):
        names = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, unique=True))
        rows = draw(st.lists(st.tuples(*(CELLS[name] for name in names)), max_size=8))
        frame = pl.DataFrame(rows, schema={name: TYPES[name] for name in names}, orient="row")
        frames.append(frame)
        kept = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        chosen = draw(st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=6)) if rows else []
        frames.append(frame[chosen].select(kept))
    return frames


def _rows(frame: pl.DataFrame, columns: list[str]) -> set[tuple[str, ...]]:
    """Rows as text: then all NaN are equal, and nulls are."""
    return {tuple(repr(0.0 if value == 0 else value) for value in row) for row in frame.select(columns).iter_rows()}


def _is_contained(parent: pl.DataFrame, child: pl.DataFrame) -> bool:
    columns = sorted(child.columns)
    return set(columns) <= set(parent.columns) and _rows(child, columns) <= _rows(parent, columns)


@settings(deadline=None, max_examples=150)
@given(frames=lakes(), n_sampled=st.sampled_from([0, 1, 20]))
def test_no_stage_loses_a_contained_pair_and_the_last_keeps_no_other(
    frames: list[pl.DataFrame], n_sampled: int
) -> None:
    tables = [read_table(frame, f"t{i}") for i, frame in enumerate(frames)]
    pairs = [Pair(p, c) for p in range(len(frames)) for c in range(len(frames)) if p != c]
    expected = {pair for pair in pairs if _is_contained(frames[pair.parent], frames[pair.child])}
    found = contained_tables(tables, LakeParams(n_sampled=n_sampled))
    assert set(found.pairs) == expected
    for earlier, later in itertools.pairwise(found):
        assert set(later) <= set(earlier)


def _toy_lake() -> list[Table]:
    evens = list(range(0, 200, 2))
    frames = {
        "orders": pl.DataFrame({"key": evens, "value": [str(k % 7) for k in evens]}),
        "part": pl.DataFrame({"key": evens[10:60:2], "value": [str(k % 7) for k in evens[10:60:2]]}),
        "others": pl.DataFrame({"key": [1000, 1001], "value": ["0", "1"]}),
        "keys": pl.DataFrame({"key": evens[30:95]}),
        "nearly": pl.DataFrame({"key": [*evens[1:46:5], 51]}),  # nine of ten
        "alone": pl.DataFrame({"zone": [1]}),
    }
    return [read_table(frame, name) for name, frame in frames.items()]


def test_six_tables_are_thirty_pairs_then_fourteen_three_and_two() -> None:
    found = contained_tables(_toy_lake(), LakeParams())
    assert [len(pairs) for pairs in found] == [14, 3, 2, 2]
    assert found.pairs == (Pair(0, 1), Pair(0, 3))
    assert Pair(0, 4) in found.by_bounds  # whose one odd key no bound can tell


def test_a_child_of_which_a_share_f_is_contained_passes_a_sample_of_t_with_probability_f_to_the_t() -> None:
    share, n_sampled, n_trials = 0.9, 10, 400
    parent, child = (
        read_table(pl.DataFrame({"key": keys}), name)
        for name, keys in (
            ("parent", [float(k) for k in range(100)]),
            ("child", [*map(float, range(90)), *(k + 0.5 for k in range(10))]),
        )
    )
    passed = sum(
        len(contained_tables([parent, child], LakeParams(n_sampled=n_sampled, seed=seed)).by_sample)
        for seed in range(n_trials)
    )
    expected = share**n_sampled
    assert abs(passed / n_trials - expected) < 4 * (expected * (1 - expected) / n_trials) ** 0.5


def test_what_cannot_run_is_refused() -> None:
    with pytest.raises(InvalidParams, match="n_sampled"):
        LakeParams(n_sampled=-1)
    table = read_table(pl.DataFrame({"a": [1]}), "t")
    with pytest.raises(InvalidInput, match="two are called 't'"):
        contained_tables([table, table], LakeParams())
