"""What keeping FastRP's powers costs in a build, and what it saves: other weights, and nights with few changed arcs.

Run: python -m benchmarks.bench_fastrp_powers [--dim 256] [--graphs debian grid]
Seconds of the stages ``fastrp.powers`` and ``fastrp``, two workers, without Prefect. Two graphs: dependencies of the
Debian packages, where a hub brings any change to everybody in three hops, and a grid of as many nodes, where a change
stays near. Each night some arcs go; "full" is a build of the same arcs into an empty store.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
from pathlib import Path

import zstandard

from artifacts.store import Store
from benchmarks.bench import print_table
from flows.run import run_build
from flows.settings import read_config

ROOT = Path(__file__).parents[1]
SIDE, REACH = 250, 3
CONFIG = """
name = "powers"
[graph]
source = "edges.tsv"
[fastrp]
dim = {dim}
mode = "{mode}"
iteration_weights = [0.0, 1.0, 1.0]
"""
STAGES = ("fastrp.powers", "fastrp")


def debian_lines() -> list[str]:
    with (ROOT / "data" / "debian" / "dependencies.tsv.zst").open("rb") as file:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        lines = text.read().splitlines()[1:]
    return sorted({"\t".join(line.split("\t")[:2]) for line in lines})


def grid_lines() -> list[str]:
    """Every cell and the 48 around it."""
    steps = [(down, right) for down in range(REACH + 1) for right in range(-REACH, REACH + 1) if (down, right) > (0, 0)]
    return [
        f"{row}.{column}\t{row + down}.{column + right}"
        for row in range(SIDE)
        for column in range(SIDE)
        for down, right in steps
        if row + down < SIDE and 0 <= column + right < SIDE
    ]


GRAPHS = {"debian": debian_lines, "grid": grid_lines}


def row(what: str, home: Path, lines: list[str], store: str, *overrides: str) -> dict[str, object]:
    """Build ``lines`` into a store; what its two stages took."""
    (home / "edges.tsv").write_text("\n".join(lines) + "\n")
    report = run_build(read_config(home / "powers.toml", overrides), Store.create(home / store))
    found = {stage.name: stage for stage in report.stages}
    powers = found.get("fastrp.powers")
    return {
        "build": what,
        **{f"{name} s": found[name].seconds if name in found else "" for name in STAGES},
        "MiB": sum(found[name].n_bytes for name in STAGES if name in found) / 2**20,
        "rows kept": f"{powers.n_rows_reused:,} of {powers.n_rows:,}" if powers and not powers.cached else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--graphs", nargs="+", default=list(GRAPHS), choices=list(GRAPHS))
    args = parser.parse_args()
    dim, kept = args.dim, "fastrp.keep_powers=true"
    for name in args.graphs:
        lines = GRAPHS[name]()
        for mode in ("paper", "gds"):
            with tempfile.TemporaryDirectory() as folder:
                home = Path(folder)
                (home / "powers.toml").write_text(CONFIG.format(dim=dim, mode=mode))
                row("warm", home, lines[:1000], "warm", kept, "fastrp.sparsity=100")
                rows = [
                    row("powers not kept", home, lines, "plain"),
                    row("powers kept", home, lines, "store", kept),
                    row("other weights", home, lines, "store", kept, "fastrp.iteration_weights=[1.0, 1.0, 1.0]"),
                ]
                for n_gone in (1, 10, 100):
                    gone = set(random.Random(n_gone).sample(range(len(lines)), n_gone))
                    left = [line for number, line in enumerate(lines) if number not in gone]
                    row("back", home, lines, "store", kept)
                    rows.append(row(f"a night, {n_gone} arcs gone", home, left, "store", kept))
                    rows.append(row("the same, full", home, left, f"fresh {n_gone}", kept))
                print(f"\n{name}, {len(lines):,} edges, {dim} dimensions, {mode}")
                print_table(rows)


if __name__ == "__main__":
    main()
