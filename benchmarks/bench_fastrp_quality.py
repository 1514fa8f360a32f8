"""Labels predicted from FastRP's vectors, beside ProNE and DeepWalk in matrix form, on graphs with known labels.

Protocol of the FastRP paper: 10, 50 and 90 % of the labelled nodes train a one-vs-rest logistic regression (C = 0.1) on
columns of mean 0 and variance 1; a test node with t labels is given the t most probable; mean over shuffles.
The regression is our own batched one, which solves liblinear's problem: one cell is repeated with liblinear.

Run: python -m benchmarks.bench_fastrp_quality [graph …]
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks.bench import print_table
from benchmarks.labelled_graphs import CLASSIFIED, Classified, classified
from benchmarks.netmf import MOST_NODES, netmf
from benchmarks.prone import prone
from foundation.seeds import stream
from foundation.threads import even_ranges, run_ranges
from graph.classification import F1, f1_scores, label_odds, most_probable, scaled_columns
from graph.fastrp import FastRPParams, fastrp
from graph.fastrp_tuning import tune
from graph.propagation import Precision
from vectors.evaluation import recall_at_k

SHARES = (0.1, 0.5, 0.9)
N_SHUFFLES = {"dblp": 2}  # 51,264 nodes with 60 labels take their time; the others are shuffled 5 times
DIM, PEER_DIM = 512, 128  # as the authors of FastRP and of the peers do
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8")
N_THREADS = os.cpu_count() or 1
SAMPLED = 2000  # nodes whose ten nearest are compared

Cells = list[list[F1]]  # by share, then by shuffle
Rows = npt.NDArray[Any]


class Way(NamedTuple):
    """An embedding per shuffle (equal ones are made once), and how its columns go to the classifier."""

    name: str
    embed: Callable[[int], Rows]
    peer: bool = False


def main(names: Sequence[str] = tuple(CLASSIFIED)) -> None:
    for name in names or CLASSIFIED:
        known = classified(name)
        if known is None:
            print(f"{name}: left out, {CLASSIFIED[name]} is not in ../shared/data\n")
            continue
        labels = known.labels
        print(f"{name}: {known.graph.n_nodes} nodes, {known.graph.n_edges} arcs, {labels.shape[1]} labels")
        rows = []
        for way in ways(known):
            start = time.perf_counter()
            found = cells(known, way)
            shown = {f"{share:.0%} train": text(found[i]) for i, share in enumerate(SHARES)}
            rows.append({"method": way.name, **shown, "s": round(time.perf_counter() - start)})
            print("  ", *rows[-1].values(), flush=True)
        print()
        print_table(rows)
        print(f"\nMicro-F1 / Macro-F1, mean of {n_shuffles(known)} shuffles. Peers: the better of columns scaled with")
        print("C = 0.1 and rows as they are with C = 1.")
        print(f"liblinear instead of our regression, first cell: F1 differs by {liblinear_gap(known):.5f}\n")
        precisions(known)
        links(known)


def ways(known: Classified) -> list[Way]:
    """Every method in the table."""
    graph, n = known.graph, known.graph.n_nodes

    def params(**kwargs: Any) -> FastRPParams:
        return FastRPParams(dim=DIM, **kwargs)

    def authors(*weights: float, beta: float) -> FastRPParams:
        return params(iteration_weights=weights, normalization_strength=beta, sparsity=math.sqrt(n))

    fixed = {
        "authors, (0, 0, 7.81, 45.28)": authors(0, 0, 7.81, 45.28, beta=-0.628),
        "authors, (0, 0, 1, 6.67)": authors(0, 0, 1, 6.67, beta=-0.64),
        "authors, (1, 1, 7.81, 45.28)": authors(1, 1, 7.81, 45.28, beta=-0.628),
        "defaults": params(),
        "gds defaults": params(mode="gds"),
    }
    found = [Way(name, once(lambda p=some: fastrp(graph, p, n_threads=N_THREADS))) for name, some in fixed.items()]
    found.append(Way("tuned on the 10 % that train", lambda shuffle: tuned(known, shuffle)))
    found.append(Way("tuned as the authors did", once(lambda: tuned(known, None))))
    found.append(Way(f"ProNE, {PEER_DIM}", once(lambda: prone(graph, PEER_DIM)), peer=True))
    found.append(Way(f"ProNE, {DIM}", once(lambda: prone(graph, DIM)), peer=True))
    if n <= MOST_NODES:
        found.append(Way(f"DeepWalk (NetMF), {PEER_DIM}", once(lambda: netmf(graph, PEER_DIM)), peer=True))
    return found


def once(embed: Callable[[], Rows]) -> Callable[[int], Rows]:
    """The same embedding for every shuffle."""
    kept: list[Rows] = []

    def again(shuffle: int) -> Rows:
        del shuffle
        if not kept:
            kept.append(embed())
        return kept[0]

    return again


def tuned(known: Classified, shuffle: int | None) -> Rows:
    """With parameters searched on the labels of the smallest training part alone; those are among the larger ones too.

    Without a shuffle as FastRP's authors searched theirs: on all labels, by the F1 of models fitted on a tenth of them.
    """
    seen, share = known.labels, SHARES[0]
    if shuffle is not None:
        seen = np.zeros_like(known.labels)
        train = shuffled(known, shuffle)[: int(share * n_labelled(known))]
        seen[train] = known.labels[train]
    result = tune(
        known.graph,
        FastRPParams(dim=DIM),
        labels=seen,
        train_share=share if shuffle is None else None,
        seed=shuffle or 0,
        n_threads=N_THREADS,
    )
    weights, beta = result.params.iteration_weights, result.params.normalization_strength
    print(f"   tuned: {weights}, {beta}; {result.start_score:.4f} became {result.score:.4f}", flush=True)
    return fastrp(known.graph, result.params, n_threads=N_THREADS)


def cells(known: Classified, way: Way) -> Cells:
    """F1 for every share and shuffle."""
    given = [way.embed(shuffle) for shuffle in range(n_shuffles(known))]
    n = n_labelled(known)
    jobs = [(i, shuffle) for i in range(len(SHARES)) for shuffle in range(len(given))]
    found: dict[tuple[int, int], F1] = {}

    def work(start: int, stop: int) -> None:
        for i, shuffle in jobs[start:stop]:
            order, rows = shuffled(known, shuffle), given[shuffle]
            train, test = order[: int(SHARES[i] * n)], order[int(SHARES[i] * n) :]
            tries = [(scaled_columns(rows), 0.1), *([(rows, 1.0)] if way.peer else [])]
            scores = [predicted(known, block, train, test, loss_weight) for block, loss_weight in tries]
            found[i, shuffle] = max(scores, key=lambda f1: f1.mean)

    with threadpool_limits(1):
        run_ranges(work, even_ranges(len(jobs), 1), N_THREADS)
    return [[found[i, shuffle] for shuffle in range(len(given))] for i in range(len(SHARES))]


def predicted(known: Classified, rows: Rows, train: Rows, test: Rows, loss_weight: float) -> F1:
    odds = label_odds(rows[train], known.labels[train], rows[test], loss_weight=loss_weight, tol=1e-3)
    return f1_scores(known.labels[test], most_probable(odds, known.labels[test].sum(axis=1)))


def liblinear_gap(known: Classified) -> float:
    """Largest difference of Micro- or Macro-F1 at the smallest share when scikit-learn fits the models."""
    rows = scaled_columns(fastrp(known.graph, FastRPParams(dim=DIM), n_threads=N_THREADS))
    order, n_train = shuffled(known, 0), int(SHARES[0] * n_labelled(known))
    train, test = order[:n_train], order[n_train:]
    chance = np.zeros((test.size, known.labels.shape[1]))
    for label in np.flatnonzero(known.labels[train].any(axis=0)):
        model = LogisticRegression(solver="liblinear", C=0.1).fit(rows[train], known.labels[train, label])
        chance[:, label] = model.predict_proba(rows[test])[:, 1]
    peer = f1_scores(known.labels[test], most_probable(chance, known.labels[test].sum(axis=1)))
    ours = predicted(known, rows, train, test, 0.1)
    return max(abs(peer.micro - ours.micro), abs(peer.macro - ours.macro))


def precisions(known: Classified) -> None:
    """What narrower storage of the powers changes: F1, and the ten nearest."""
    rows = []
    base = fastrp(known.graph, FastRPParams(dim=DIM, precision=PRECISIONS[0]), n_threads=N_THREADS)
    exact: Cells = []
    for precision in PRECISIONS:
        narrow = fastrp(known.graph, FastRPParams(dim=DIM, precision=precision), n_threads=N_THREADS)
        found = cells(known, Way(precision, once(lambda n=narrow: n)))
        exact = exact or found
        gaps = [np.abs(np.mean(a, axis=0) - np.mean(b, axis=0)).max() for a, b in zip(found, exact, strict=True)]
        shown = {f"{share:.0%} train": text(found[i]) for i, share in enumerate(SHARES)}
        changed = f"{changed_neighbours(base, narrow):.2%}"
        rows.append({"precision": precision, **shown, "max |dF1|": f"{max(gaps):.4f}", "ten nearest changed": changed})
    print_table(rows)
    print()


def changed_neighbours(base: Rows, other: Rows, k: int = 10) -> float:
    """Share of the ``k`` nearest by cosine in ``other`` that ``base`` ranks below its k-th, ties (to 1e-6) aside."""
    unit = [block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-30) for block in (base, other)]
    nodes = stream(0, "benchmarks.sampled").permutation(len(base))[:SAMPLED]
    exact, narrow = (rows[nodes] @ rows.T for rows in unit)
    for likeness in (exact, narrow):
        likeness[np.arange(nodes.size), nodes] = -2
    nearest = np.argpartition(-narrow, k, axis=1)[:, :k]
    kth = -np.partition(-exact, k - 1, axis=1)[:, k - 1]
    return 1 - recall_at_k(np.take_along_axis(exact, nearest, axis=1), kth - 1e-6, higher_is_better=True)


def links(known: Classified) -> None:
    """Held-out edges found again, before and after tuning for it; the scores are of edges the search has not seen."""
    if known.graph.n_nodes > MOST_NODES:
        return
    result = tune(known.graph, FastRPParams(dim=PEER_DIM), held_out=0.1, n_trials=30, n_threads=N_THREADS)
    weights, beta = result.params.iteration_weights, result.params.normalization_strength
    print(f"A tenth of the edges held out, dim {PEER_DIM}, mean reciprocal rank among 50 non-edges:")
    print(
        f"{result.start_score:.3f} by default, {result.score:.3f} (± {result.spread:.3f}) tuned: {weights}, {beta}.\n"
    )


def n_shuffles(known: Classified) -> int:
    return N_SHUFFLES.get(known.name, 5)


def n_labelled(known: Classified) -> int:
    return int(known.labels.any(axis=1).sum())


def shuffled(known: Classified, shuffle: int) -> Rows:
    """The labelled nodes in the order of one shuffle; training parts are its beginnings."""
    return stream(0, "benchmarks.quality", shuffle).permutation(np.flatnonzero(known.labels.any(axis=1)))


def text(found: list[F1]) -> str:
    micro, macro = np.mean(found, axis=0)
    return f"{micro:.4f} / {macro:.4f}"


if __name__ == "__main__":
    main(sys.argv[1:])
