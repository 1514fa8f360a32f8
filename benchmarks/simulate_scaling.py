"""A simulation: the build of a graph of a billion edges on 1 to 64 workers, from partitions measured here.

Run: python -m benchmarks.simulate_scaling [--scale 18] [--scratch DIR] [--write]

1. Builds R-MAT graphs of two sizes (scale - 2 and scale) with one worker and keeps what every partition took.
2. Checks the model: predicts the larger build with 1, 2 and 3 workers, then runs those, and prints both.
3. Simulates the build of R-MAT scale 26 (1.07 billion drawn edges): costs grow with the stage's unit of work, and per
   unit as they grew between the two sizes; partitions vary as the measured ones did.

``--write`` puts the tables and the plot into docs/scaling.md and docs/img/scaling.png.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_scaling import rounds_of
from benchmarks.measured_build import ROOT
from benchmarks.scaled_build import scaled_build, write_config
from benchmarks.scaling_page import handing_out_seconds, replace_table, table, write_plot
from benchmarks.schedule import Cluster, Task, makespan
from flows.stages.powerwalk_cost import sources_at_once
from foundation.seeds import stream
from graph.powerwalk import PowerWalkParams
from graph.powerwalk.measure import HELD_OUT

STAGES = ("fastrp", "powerwalk", "minhash", "lsh")
POWERWALK = ("layout", "hubs", "walks", "whole", "measured")  # its rounds
WORKERS = (1, 2, 4, 8, 16, 32, 64)
TARGET_SCALE = 26
PART_NODES, DIM, BANDS, NUM_PERM = 16_384, 256, 64, 128
LINK, STORAGE = 1.25e9, 5e9  # bytes a second: a 10 Gbit/s line to each worker, a storage of 40 Gbit/s
INDEX_BYTES = PowerWalkParams().index_bytes
DISK = 1.3e9  # bytes a second one process hashes and writes
NARROW = 1.5  # a column of a panel of 16 costs so much more than one of 64 (flows/stages/fastrp.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A graph; ``n_edges`` are stored arcs."""

    n_nodes: float
    n_edges: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A stage of the large build: its tasks, seconds that no worker shares, memory of a worker and of the build."""

    rounds: list[list[Task]]
    first_read: float
    serial: float
    worker_memory: float
    build_memory: float


def size_of(build: dict[str, Any]) -> Size:
    graph = build["stats"]["graph"]
    return Size(n_nodes=graph["n_nodes"], n_edges=graph["n_edges"])


def units(name: str, size: Size) -> float:
    """What a stage's seconds go with: gathered arcs, hubs, steps of walks, elements, entries times the depth of
    sorting."""
    return {
        "fastrp": size.n_edges + size.n_nodes,
        "powerwalk.layout": size.n_edges + 15 * size.n_nodes,
        "powerwalk.hubs": size.n_nodes,
        "powerwalk.walks": size.n_nodes,
        "powerwalk.whole": size.n_nodes,
        "powerwalk.measured": size.n_edges + 15 * size.n_nodes,
        "minhash": size.n_edges + size.n_nodes,
        "lsh": size.n_nodes * np.log2(max(2.0, size.n_nodes)),
    }[name]


def part_seconds(build: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """CPU seconds of the partitions of each kind; full ones only where a last one is shorter."""
    found = {}
    for stage in build["stages"]:
        if stage["name"] not in STAGES:
            continue
        for part in stage["parts"]:
            kind = stage["name"]
            if kind == "powerwalk":
                kind += "." + POWERWALK[part["round"]]
            found.setdefault(kind, []).append(part["cpu"])
    return {kind: np.array(seconds) for kind, seconds in found.items()}


def large_size(scale: int, seen: tuple[Size, Size]) -> Size:
    """Nodes with an edge and distinct edges, growing per step of scale as they did between the two sizes: no more edges
    than are drawn."""
    small, big = seen

    def grown(name: str) -> float:
        per_step = (getattr(big, name) / getattr(small, name)) ** 0.5
        return float(getattr(big, name) * per_step ** (TARGET_SCALE - scale))

    nodes, arcs = grown("n_nodes"), min(grown("n_edges"), 2.0 * (16 << TARGET_SCALE))
    return Size(n_nodes=nodes, n_edges=arcs)


def planned(name: str, scale: int, builds: tuple[dict[str, Any], dict[str, Any]]) -> Planned:
    """A stage of the large build."""
    sizes = tuple(size_of(build) for build in builds)
    target = large_size(scale, (sizes[0], sizes[1]))
    spread = part_seconds(builds[1])

    def seconds(kind: str) -> float:
        """Of all partitions together."""
        totals = [
            part_seconds(build)[kind].sum() / units(kind, size) for build, size in zip(builds, sizes, strict=True)
        ]
        growth = max(1.0, (totals[1] / totals[0]) ** 0.5)
        return float(totals[1] * growth ** min(4, TARGET_SCALE - scale) * units(kind, target))

    def tasks(kind: str, n: int, total: float, written: float) -> list[Task]:
        shares = spread[kind][stream(0, "benchmarks.parts", n).integers(0, spread[kind].size, n)]
        return [Task(seconds=float(total * share), written=written / n) for share in shares / shares.sum()]

    n, graph = target.n_nodes, 4 * target.n_edges + 8 * target.n_nodes
    n_ranges = int(-(-n // PART_NODES))
    if name == "fastrp":
        width, rows = 16, 65_536
        return Planned(
            rounds=[tasks("fastrp", DIM // width, NARROW * seconds("fastrp"), 8 * DIM * n)],
            first_read=graph,
            serial=12 * DIM * n / DISK,
            worker_memory=12 * width * n + graph,
            build_memory=12 * DIM * rows,
        )
    if name == "powerwalk":
        written = INDEX_BYTES * n - 2 * graph  # of hubs and walks; the rest is for the graph in another order
        n_tasks = {
            "layout": 1,
            "hubs": n_ranges,
            "walks": n_ranges,
            "whole": 2,
            "measured": HELD_OUT // sources_at_once(int(n)),
        }
        n_bytes = {"layout": graph, "hubs": 0.6 * written, "walks": 0.4 * written, "whole": written, "measured": 0.0}
        return Planned(
            rounds=[
                tasks(f"powerwalk.{kind}", n_tasks[kind], seconds(f"powerwalk.{kind}"), n_bytes[kind])
                for kind in POWERWALK
            ],
            first_read=graph,
            serial=INDEX_BYTES * n / DISK,
            worker_memory=2 * graph + written + 170 * n,
            build_memory=32 * n,
        )
    if name == "minhash":
        work = tasks("minhash", n_ranges, seconds("minhash"), 4 * NUM_PERM * n)
        return Planned(
            rounds=[[replace(task, read=graph / n_ranges) for task in work]],
            first_read=0.0,
            serial=(8 * NUM_PERM * n + 2 * graph) / DISK,
            worker_memory=8 * NUM_PERM * PART_NODES + graph / n_ranges,
            build_memory=5 * target.n_edges,
        )
    return Planned(
        rounds=[tasks("lsh", BANDS, seconds("lsh"), 8 * BANDS * n)],
        first_read=4 * NUM_PERM * n,
        serial=16 * BANDS * n / DISK,
        worker_memory=4 * NUM_PERM * n + 24 * n,
        build_memory=1 << 30,
    )


def checked(builds: dict[int, dict[str, Any]], handing_out: float) -> list[dict[str, object]]:
    """Predicted from the partitions of one worker, measured, and their ratio, for each number of workers."""
    one, cores = builds[1], os.cpu_count() or 1
    lines: list[dict[str, object]] = []
    for workers, build in builds.items():
        predicted = measured = 0.0
        for first, found in zip(one["stages"], build["stages"], strict=True):
            if first["name"] in STAGES:
                alone = makespan(rounds_of(first), Cluster(workers=1, cores=1, handing_out=handing_out))
                around = max(0.0, first["seconds"] - alone)  # joining, publishing, starting the cluster
                shared = Cluster(workers=workers, cores=cores, handing_out=handing_out)
                predicted += makespan(rounds_of(first), shared) + around
                measured += found["seconds"]
        lines.append(
            {"workers": workers, "predicted s": predicted, "measured s": measured, "ratio": predicted / measured}
        )
    return lines


def simulated(scale: int, builds: tuple[dict[str, Any], dict[str, Any]], handing_out: float) -> list[dict[str, object]]:
    """A line per number of workers: seconds of each stage, and of all."""
    plans = {name: planned(name, scale, builds) for name in STAGES}
    lines: list[dict[str, object]] = []
    for workers in WORKERS:
        cluster = Cluster(workers=workers, cores=workers, handing_out=handing_out, link=LINK, storage=STORAGE)
        seconds = {name: makespan(plan.rounds, cluster, plan.first_read) + plan.serial for name, plan in plans.items()}
        total = sum(seconds.values())
        lines.append({"workers": workers, **{f"{name} s": value for name, value in seconds.items()}, "all s": total})
    for line in lines:
        line["speed-up"] = lines[0]["all s"] / line["all s"]  # type: ignore[operator]  # both are numbers
    return lines


def needs(scale: int, builds: tuple[dict[str, Any], dict[str, Any]]) -> list[dict[str, object]]:
    """A line per stage: partitions, memory of a worker, bytes over the network, seconds that no worker shares."""
    lines: list[dict[str, object]] = []
    for name in STAGES:
        plan = planned(name, scale, builds)
        tasks = [task for tasks in plan.rounds for task in tasks]
        lines.append(
            {
                "stage": name,
                "partitions": len(tasks),
                "CPU hours": sum(task.seconds for task in tasks) / 3600,
                "a worker GiB": plan.worker_memory / 2**30,
                "the build GiB": plan.build_memory / 2**30,
                "each of 64 reads GB": plan.first_read / 1e9 + sum(task.read for task in tasks) / 1e9 / WORKERS[-1],
                "parts GB": sum(task.written for task in tasks) / 1e9,
                "serial s": plan.serial,
            }
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=18)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--way", choices=("threads", "cluster"), default="cluster")
    parser.add_argument("--write", action="store_true", help="put the tables and the plot into docs/")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.scratch or Path(temporary)
        scaled_build(write_config(folder, 10), folder, 1, args.way)  # compiles
        handing_out = handing_out_seconds()
        small = scaled_build(write_config(folder, args.scale - 2), folder, 1, args.way)
        config = write_config(folder, args.scale)
        builds = {workers: scaled_build(config, folder, workers, args.way) for workers in (1, 2, 3)}
    both = (small, builds[1])
    target = large_size(args.scale, (size_of(small), size_of(builds[1])))
    found = simulated(args.scale, both, handing_out)
    tables = {
        "check": table(checked(builds, handing_out)),
        "needs": table(needs(args.scale, both)),
        "seconds": table(found),
        "size": f"{target.n_nodes / 1e6:.0f} million nodes, {target.n_edges / 2e6:,.0f} million distinct edges, "
        f"{target.n_entries / target.n_nodes:.0f} fingerprint entries a node; measured at R-MAT {args.scale - 2} and "
        f"{args.scale}, {1e3 * handing_out:.1f} ms to hand out a partition.",
    }
    for name, text in tables.items():
        print(f"\n{name}\n{text}")
    if args.write:
        replace_table(ROOT / "docs" / "scaling.md", tables)
        write_plot(ROOT / "docs" / "img" / "scaling.png", found, [f"{name} s" for name in STAGES])


if __name__ == "__main__":
    main()
