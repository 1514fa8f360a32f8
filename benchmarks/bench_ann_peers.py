"""Nearest neighbours at recall@10 of .95 and .99: "auto" beside a grid by hand over our own kinds, and beside peers.

Run: PURLIEU_PEERS=PYTHON PURLIEU_ANN_SET=SET python -m benchmarks ann_peers

SET is fashion-mnist (the default), packages, sift, encodings or clusters, or several of them with commas between; they
take some ten minutes each with every peer. On the million rows of clusters a graph of a peer takes that long alone, so
name a library or two in PURLIEU_ANN_LIBRARIES (scann, hnswlib, svs, voyager, usearch, diskannpy; empty for none), and
some of our own ways in PURLIEU_ANN_KINDS (auto, ivf, ivfsq, ivfpq, rabitq; empty for none). PURLIEU_ANN_ROWS takes the
first so many rows of a set. PURLIEU_ANN_POINTS names a folder that every point is written to, for
`benchmarks/plots/ann_peers.py`; points of earlier runs stay beside those of libraries and kinds that were left out.

One thread, all queries at once, CPU time, the least of three or more; beside it the CPU time of a query asked alone.
Recall is by distance, as in ann-benchmarks: a row counts when it is no farther than the true tenth, all computed by one
kernel.
PURLIEU_PEERS names a Python that has the libraries, or several with colons between, since some cannot live in one
place; what none of them has is left out. Each is tuned over a grid of its own, on the test queries; "auto" sees only
rows of the data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ann_sets import INNER_PRODUCT, SETS
from benchmarks.bench import print_table
from vectors.ann.exact import exact_top_k, exact_values
from vectors.ann.forms import LISTED, more_columns
from vectors.ann.index import ANNIndex, ANNParams
from vectors.metrics import Metric

Float32s = npt.NDArray[np.float32]
K: Final = 10
TARGETS: Final = (0.95, 0.99)
ROUNDS: Final = 3
MOST_CODED: Final = 1024  # columns beyond which codebooks take too long to learn
LIBRARIES: Final = ("scann", "hnswlib", "svs", "voyager", "usearch", "diskannpy")


class Point(NamedTuple):
    """One setting of one index."""

    name: str
    setting: str
    build: float
    recall: float
    per_second: float
    alone: float = float("nan")
    megabytes: float = float("nan")


def seconds_of(work: Callable[[], Any], together: float) -> float:
    """The least CPU-seconds of as many runs as take so long together."""
    seconds: list[float] = []
    while sum(seconds) < together and len(seconds) < 30:
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


class Way(NamedTuple):
    """One of our indexes, and how hard it looks; by itself where ``effort`` is empty."""

    name: str
    setting: str
    build: float
    index: ANNIndex
    effort: dict[str, int]

    def search(self, queries: Float32s) -> npt.NDArray[np.int64]:
        return self.index.search(queries, K, **self.effort)[0]  # type: ignore[arg-type]

    def alone(self, test: Float32s) -> float:
        """CPU microseconds of a query asked alone."""
        queries = [test[nth : nth + 1] for nth in range(min(len(test), 200))]
        return 1e6 * seconds_of(lambda: [self.search(one) for one in queries], 0.05) / len(queries)


def ours(train: Float32s, test: Float32s, metric: Metric, recall_of: Callable[[Any], float]) -> list[Point]:
    """ "auto" for both targets, and every kind over the pairs that its own sweep found worth keeping.

    All are asked in turn, three times over, so that a busy minute of the machine is nobody's alone.
    """
    ways = built(train, metric)
    recalls, rates = [recall_of(way.search(test)) for way in ways], [0.0] * len(ways)
    for _ in range(ROUNDS):
        for nth, way in enumerate(ways):
            rates[nth] = max(rates[nth], len(test) / seconds_of(partial(way.search, test), 0.05))
    return [
        Point(way.name, way.setting, way.build, recall, rate, way.alone(test), way.index.measured.n_bytes / 1e6)
        for way, recall, rate in zip(ways, recalls, rates, strict=True)
        if way.index.measured is not None
    ]


def built(train: Float32s, metric: Metric) -> list[Way]:
    """What is asked of every index of ours."""
    ways, kinds = [], asked("PURLIEU_ANN_KINDS", ("auto", *LISTED))

    def build(params: ANNParams) -> tuple[ANNIndex, Any, float]:
        begun = time.process_time()
        index = ANNIndex.build(train, params)
        taken = time.process_time() - begun
        print(f"{params.kind} for {params.recall}: built in {taken:.1f} CPU-s", flush=True)
        return index, index.measured, taken

    for target in TARGETS if "auto" in kinds else ():
        index, measured, taken = build(ANNParams(metric=metric, recall=target, latency=1e9, allow_missed=True))
        effort = f"{measured.n_probe}, {measured.k_factor}" if measured.n_probe else f"{measured.ef_search or ''}"
        ways.append(Way(f"auto {target}", f"{measured.kind} of {measured.storage}: {effort}", taken, index, {}))
    wider = more_columns(train.shape[1])
    for kind, columns in [(kind, None) for kind in LISTED] + ([("ivfsq", wider)] if wider else []):
        if kind not in kinds or (kind == "ivfpq" and train.shape[1] > MOST_CODED):
            continue
        params = ANNParams(metric=metric, kind=kind, projection=columns, recall=0.995, allow_missed=True)
        index, measured, taken = build(params)
        name = f"grid {kind}" if columns is None else f"grid {kind}, {columns} columns"
        ways += [
            Way(name, f"{n_probe}, {k_factor}", taken, index, {"n_probe": n_probe, "k_factor": k_factor})
            for n_probe, k_factor, recall, _ in measured.tried[0].points
            if recall >= 0.93
        ]
    return ways


def peer(library: str, folder: Path, metric: Metric, n_test: int, recall_of: Callable[[Any], float]) -> list[Point]:
    """Every setting of a library; empty when it is not there."""
    pythons = [python for python in os.environ.get("PURLIEU_PEERS", "").split(os.pathsep) if python]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    lines, why = [], "PURLIEU_PEERS is not set"
    for python in pythons:
        command = [python, "-P", str(Path(__file__).with_name("ann_peers.py")), library, str(folder), metric]
        done = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if lines and not done.returncode:
            break
        why, lines = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1], []
    if not lines:
        print(f"{library}: left out, {why}")
        return []
    points, built = [], lines[0]
    for line in lines:
        if "build" in line:
            built = line
            continue
        recall = recall_of(np.load(folder / line["rows"]))
        rate = n_test / line["seconds"]
        points.append(Point(f"{library} {built['version']}", line["setting"], built["build"], recall, rate))
    return points


def gathered(name: str) -> list[Point]:
    """Everyone's points on a set; none when the set is not there."""
    try:
        train, test = SETS[name]()
    except FileNotFoundError as error:
        print(f"{name}: left out, {error.filename} is not there")
        return []
    train = train[: int(os.environ.get("PURLIEU_ANN_ROWS", len(train)))]
    metric: Metric = "inner_product" if name in INNER_PRODUCT else "l2"
    true_rows, true = exact_top_k(train, test, K, metric=metric)

    def recall_of(rows: npt.NDArray[np.int64]) -> float:
        values, limit = exact_values(train, test, rows, metric=metric), true[:, K - 1 :]
        return float(((values <= limit) if metric == "l2" else (values >= limit)).mean())

    # Compiles outside the clock.
    ANNIndex.build(train[:3000], ANNParams(metric=metric, latency=1e9, allow_missed=True)).search(test, K)
    with threadpool_limits(1), tempfile.TemporaryDirectory() as place:
        np.save(Path(place) / "train.npy", train)
        np.save(Path(place) / "test.npy", test)
        np.save(Path(place) / "true.npy", true_rows)
        points = ours(train, test, metric, recall_of)
        for library in asked("PURLIEU_ANN_LIBRARIES", LIBRARIES):
            begun = time.perf_counter()
            points += peer(library, Path(place), metric, len(test), recall_of)
            print(f"{library}: {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"\n{name}: {len(train)} × {train.shape[1]}, {len(test)} queries, load {os.getloadavg()[0]:.1f}\n")
    return points


def compare(points: Sequence[Point]) -> None:
    """The best of everyone at each target, and the least that anyone builds who reaches it."""
    table = []
    for target in TARGETS:
        reached = {
            who: [point for point in points if point.name == who and (point.recall >= target or who.startswith("auto"))]
            for who in dict.fromkeys(point.name for point in points)
            if not who.startswith("auto") or who == f"auto {target}"
        }
        for all_of in reached.values():
            if not all_of:
                continue
            best = max(all_of, key=lambda point: point.per_second)
            table.append(
                {
                    "at": target,
                    "index": best.name,
                    "setting": best.setting,
                    "recall@10": round(best.recall, 4),
                    "queries a CPU-second": round(best.per_second),
                    "µs alone": best.alone,
                    "build CPU-s": best.build,
                    "least build": min(point.build for point in all_of),
                    "MB": best.megabytes,
                }
            )
    print_table(table)
    for target in TARGETS:
        auto = next((point for point in points if point.name == f"auto {target}"), None)
        grid = [point for point in points if point.name.startswith("grid")]
        if auto is not None:
            for at, recall in (("asked", target), ("it has", auto.recall)):
                print(behind(auto, grid, recall, f"auto {target}, at the recall {at}, {recall:.4f}"))
        hnsw = [point.build for point in points if point.name.startswith("hnswlib") and point.recall >= target]
        if auto is not None and hnsw:
            print(
                f"auto at {target}: built, choice and measuring included, in {auto.build:.1f} CPU-s; "
                f"hnswlib's least at that recall {min(hnsw):.1f}"
            )


def behind(auto: Point, grid: Sequence[Point], recall: float, what: str) -> str:
    """How far "auto" is behind the quickest setting of the grid that reaches a recall."""
    reached = [point for point in grid if point.recall >= recall]
    if not reached:
        return f"{what}: no setting of the grid reaches it"
    best = max(reached, key=lambda point: point.per_second)
    lost = 100 * (1 - auto.per_second / best.per_second)
    return (
        f"{what}: {lost:.0f} % behind {best.name} at {best.setting}, in {auto.build / best.build:.2f} times its build"
    )


def kept(name: str, points: list[Point]) -> list[Point]:
    """The points of this run, and with PURLIEU_ANN_POINTS those that earlier ones wrote of others; writes them all."""
    folder = os.environ.get("PURLIEU_ANN_POINTS")
    if folder is None:
        return points
    place = Path(folder) / f"{name}.json"
    earlier = [Point(*each) for each in json.loads(place.read_text())] if place.exists() else []
    names = {point.name for point in points}
    together = points + [point for point in earlier if point.name not in names]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(together))
    return together


def asked(variable: str, known: Sequence[str]) -> list[str]:
    """The names in an environment variable, with commas between; all that are known when it is not set."""
    told = os.environ.get(variable)
    names = list(known) if told is None else [name for name in told.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"{variable}: no {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def main() -> None:
    os.environ.setdefault("PURLIEU_ANN_SET", "fashion-mnist")
    for name in asked("PURLIEU_ANN_SET", list(SETS)):
        points = gathered(name)
        if points:
            compare(kept(name, points))


if __name__ == "__main__":
    main()
