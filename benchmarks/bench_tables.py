"""Columns and tables inside others, on real tables: the packages of Debian, the states, and WordNet where it is there.

Run: python -m benchmarks.bench_tables
The lake is those tables, parts of their rows and columns, and parts of which one row in ten or in a hundred was made
up. The peer is polars: an anti-join of distinct rows for every pair whose schemas go together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import zstandard

from benchmarks.bench import print_table
from benchmarks.labelled_graphs import shared
from clustering.tables.columns import ColumnIndex
from clustering.tables.lake import LakeParams, Pair, contained_tables
from clustering.tables.table import read_table

DATA = Path(__file__).resolve().parents[1] / "data"
Frames = dict[str, pl.DataFrame]


def unpacked(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()


def lines(path: Path, *columns: str) -> pl.DataFrame:
    found = [json.loads(line) for line in unpacked(path).splitlines()]
    return pl.DataFrame({column: [row[column] for row in found] for column in columns})


def real_tables() -> Frames:
    """What there is, a column name meaning the same in every table."""
    debian = DATA / "debian"
    tables = {
        "dependencies": pl.read_csv(unpacked(debian / "dependencies.tsv.zst"), separator="\t", quote_char=None),
        "packages": lines(debian / "packages.jsonl.zst", "_id", "title", "section"),
        "states": pl.read_csv(DATA / "states" / "states.csv"),
        "borders": pl.read_csv(DATA / "states" / "borders.tsv", separator="\t"),
    }
    if (edges := shared("wordnet/edges.tsv.zst")) and (synsets := shared("wordnet/synsets.jsonl.zst")):
        tables["relations"] = pl.read_csv(unpacked(edges), separator="\t", quote_char=None)
        tables["synsets"] = lines(synsets, "_id", "lexfile", "gloss")
    return tables


def lake(tables: Frames) -> Frames:
    """The tables, and of each: two parts that are contained, one column fewer, and two parts with made-up rows."""
    rng = np.random.default_rng(0)
    made = dict(tables)
    for name, table in tables.items():
        some = table[np.sort(rng.choice(table.height, table.height // 2, replace=False))]
        made[f"{name}, half"] = some
        made[f"{name}, fewer columns"] = some.select(table.columns[:-1])
        made[f"{name}, one column"] = table.select(table.columns[:1]).unique(maintain_order=True)
        for every in (10, 100):
            wrong = pl.Series(np.arange(some.height) % every == every - 1)
            shuffled = some[table.columns[-1]].shuffle(seed=every)
            last = pl.when(wrong).then(shuffled).otherwise(pl.col(table.columns[-1])).alias(table.columns[-1])
            made[f"{name}, one in {every} shuffled"] = some.with_columns(last)
    return made


def seconds(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, time.perf_counter() - wall, time.process_time() - cpu


def by_anti_joins(frames: list[pl.DataFrame], pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    distinct = [frame.unique() for frame in frames]
    kept = []
    for pair in pairs:
        parent, child = distinct[pair.parent], distinct[pair.child]
        missing = child.join(parent.select(child.columns), on=child.columns, how="anti", nulls_equal=True)
        if missing.is_empty():
            kept.append(pair)
    return tuple(kept)


def bench_tables(made: Frames) -> list[Any]:
    frames = list(made.values())
    read_table(frames[0], "compiles")
    tables, wall, cpu = seconds(lambda: [read_table(frame, name) for name, frame in made.items()])
    rows: list[dict[str, object]] = [
        {"tables": "hash all columns", "pairs": len(made) ** 2 - len(made), "s": wall, "CPU s": cpu}
    ]
    found, wall, cpu = seconds(lambda: contained_tables(tables, LakeParams()))
    rows += [
        {"tables": f"after {stage}", "pairs": len(pairs)}
        for stage, pairs in zip(("schemas", "bounds", "samples"), found, strict=False)
    ]
    rows.append({"tables": "contained", "pairs": len(found.pairs), "s": wall, "CPU s": cpu})
    expected, wall, cpu = seconds(lambda: by_anti_joins(frames, found.by_schema))
    same = "the same" if expected == found.pairs else "OTHERS"
    rows.append({"tables": f"polars, anti-joins: {same}", "pairs": len(expected), "s": wall, "CPU s": cpu})
    n_rows = sum(frame.height for frame in frames)
    print(f"{len(made)} tables, {n_rows:,} rows, {sum(frame.width for frame in frames)} columns\n")
    print_table([{column: row.get(column, "") for column in rows[0]} for row in rows])
    return tables


def bench_columns(tables: list[Any]) -> None:
    ColumnIndex.build(tables[:1]).query((tables[0].name, next(iter(tables[0].columns))))
    index, built, _ = seconds(lambda: ColumnIndex.build(tables))
    laps, n_found = [], 0
    for name in index.names:
        found, wall, _ = seconds(lambda name=name: index.query(name, 0.9))
        laps.append(1e3 * wall)
        n_found += len(found)
    p50, p99 = np.percentile(laps, [50, 99])
    print(f"\n{len(index.names)} columns, {index.index.sets.indices.size:,} values: built in {built:.2f} s")
    print(f"who has 90 % of a column: {p50:.2f} ms in the median, p99 {p99:.1f} ms; {n_found / len(laps):.1f} answers")


def main() -> None:
    tables = real_tables()
    print("Where the values of a column are, of the tables as they came:\n")
    index = ColumnIndex.build(read_table(frame, name) for name, frame in tables.items())
    rows: list[dict[str, object]] = [
        {"column": f"{name.table}.{name.column}", "is in": f"{at.name.table}.{at.name.column}", "share": at.containment}
        for name in index.names
        for at in index.query(name, 0.5)
    ]
    print_table(rows)
    print()
    bench_columns(bench_tables(lake(tables)))


if __name__ == "__main__":
    main()
