"""Probabilistic Partitive Partitioning: k-means partitions that Gaussian mixtures confirm, their number found.

For every number of clusters k-means runs several times; the best run starts a mixture of as many Gaussians. A number
is a candidate when mixture and partition agree on who belongs together, and of the candidates the one whose mixture
describes the points best is taken. Clusters that the mixture does not own, and points it is not sure of, are named.

Points are put into one order first, and every random number is addressed by its place in that order, so that shuffled
points get the same clusters.

The idea is that of the method's abstract; thresholds and order of steps are ours, as docs/partitive.md says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from clustering.kmeans import check_installed
from clustering.partitive_params import PartitiveParams as PartitiveParams
from clustering.partitive_trials import Mixture, Trial, fit, nearest, try_out
from foundation.errors import InvalidInput, InvalidParams
from foundation.seeds import stream
from foundation.threads import even_ranges

Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]

_BLOCK: Final = 4096  # points at a time: sums of matrix products depend on their shapes


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Clusters, the largest first (of equal ones the one whose centre comes first).

    Attributes
    ----------
    labels : int32, shape (n,)
    n_clusters : how many
    validated : bool, shape (n_clusters,): the mixture owns this cluster and is certain of its points
    responsibility : float64, shape (n,): of the Gaussian most likely to have made the point
    separable : bool, shape (n,): that is nearly 1, and the Gaussian is the one of the point's cluster
    trials : what was found for every number of clusters that could be tried
    """

    labels: Int32s
    n_clusters: int
    validated: npt.NDArray[np.bool_]
    responsibility: Float64s
    separable: npt.NDArray[np.bool_]
    trials: tuple[Trial, ...]


def partition(points: npt.NDArray[Any], params: PartitiveParams | None = None) -> Partition:
    """Partition points (n, dim), finite numbers of any real type, in any order.

    Equal bytes on one machine, whatever the order of the points.

    Raises
    ------
    MissingExtra
        When scikit-learn is not installed.
    InvalidInput
        When ``points`` is no matrix of finite numbers, or has less than two rows.
    InvalidParams
        When there are fewer different points than ``min_clusters`` needs for its mixture.
    """
    params = params or PartitiveParams()
    check_installed("partitive clustering", ("sklearn", "scikit-learn"))
    given = _parse(points)
    order = np.lexsort(given.T[::-1])
    with threadpool_limits(1):
        ordered, scale = _scaled(given[order], params.max_dim)
        sample = _sample(ordered, params)
        trials = (try_out(sample, k, scale, params) for k in _numbers(sample, params))
        mixtures = [mixture for mixture in trials if mixture is not None]
        if not mixtures:
            raise InvalidParams(
                name="min_clusters",
                value=params.min_clusters,
                allowed=f"less: the {len(given)} points fall into no so many parts with a covariance each",
            )
        chosen = _best(mixtures, params.min_agreement)
        labels, owner, certainty = _judge(ordered, chosen)
    back = np.empty(order.size, dtype=np.int64)
    back[order] = np.arange(order.size)
    return _described(labels[back], owner[back], certainty[back], chosen, mixtures, params)


def _parse(points: npt.NDArray[Any]) -> Float64s:
    given = np.asarray(points)
    if given.ndim != 2 or given.dtype.kind not in "fiu" or not given.size or len(given) < 2:
        what = f"{given.dtype} of shape {given.shape} is no matrix of points"
        raise InvalidInput(source="points", what=what, fix="pass numbers of shape (n, dim), n of 2 or more")
    wrong = np.flatnonzero(~np.isfinite(given).all(axis=1))
    if wrong.size:
        raise InvalidInput(
            source="points", what=f"row {wrong[0]} holds a NaN or infinite value", fix="pass finite numbers"
        )
    return given.astype(np.float64) + 0.0  # there is one zero only, or equal points would be told apart


def _scaled(ordered: Float64s, max_dim: int) -> tuple[Float64s, float]:
    """Points around 0 with mean squared length 1 a dimension, in principal components if they are wide; the unit."""
    with np.errstate(over="ignore", invalid="ignore"):
        centred = ordered - ordered.mean(axis=0)
        scale = float(np.sqrt(np.mean(centred * centred)))
    if not np.isfinite(scale):
        raise InvalidInput(source="points", what="squares overflow", fix="scale the points down")
    centred /= scale or 1.0
    if centred.shape[1] > max_dim:
        covariance = sum(
            centred[start:stop].T @ centred[start:stop] for start, stop in even_ranges(len(centred), _BLOCK)
        )
        _, axes = np.linalg.eigh(covariance)
        leading = axes[:, ::-1][:, :max_dim]
        leading *= np.sign(leading[np.abs(leading).argmax(axis=0), np.arange(max_dim)])
        centred = np.concatenate([centred[start:stop] @ leading for start, stop in even_ranges(len(centred), _BLOCK)])
    return centred, scale or 1.0


def _sample(ordered: Float64s, params: PartitiveParams) -> Float64s:
    """At most ``max_points`` of them, each as likely: a mixture of scikit-learn takes no weights."""
    if len(ordered) <= params.max_points:
        return ordered
    drawn = np.argsort(stream(params.seed, "partitive.sample").random(len(ordered)), kind="stable")
    return ordered[np.sort(drawn[: params.max_points])]


def _numbers(sample: Float64s, params: PartitiveParams) -> range:
    """Numbers of clusters for which there are enough different points."""
    n_different = 1 + int(np.count_nonzero((sample[1:] != sample[:-1]).any(axis=1)))
    return range(params.min_clusters, min(params.max_clusters, n_different) + 1)


def _best(mixtures: list[Mixture], min_agreement: float) -> Mixture:
    """Of least BIC among those that agree; if none does, the one that agrees most; the fewer clusters of equals."""
    agreeing = [mixture for mixture in mixtures if mixture.trial.agreement >= min_agreement]
    if agreeing:
        return min(agreeing, key=lambda mixture: mixture.trial.bic)
    return max(mixtures, key=lambda mixture: mixture.trial.agreement)


def _judge(ordered: Float64s, mixture: Mixture) -> tuple[Int32s, Int32s, Float64s]:
    """Cluster, most likely Gaussian and its responsibility of every point."""
    labels, owner = np.empty((2, len(ordered)), dtype=np.int32)
    certainty = np.empty(len(ordered))
    for start, stop in even_ranges(len(ordered), _BLOCK):
        shares = fit(mixture, ordered[start:stop])
        labels[start:stop] = nearest(ordered[start:stop], mixture.centres)
        owner[start:stop] = shares.argmax(axis=1)
        certainty[start:stop] = shares.max(axis=1)
    return labels, owner, certainty


def _described(
    labels: Int32s,
    owner: Int32s,
    certainty: Float64s,
    chosen: Mixture,
    mixtures: list[Mixture],
    params: PartitiveParams,
) -> Partition:
    """Clusters renumbered, and what the mixture says of them."""
    k = len(chosen.centres)
    counts = np.zeros((k, k), dtype=np.int64)
    np.add.at(counts, (labels, owner), 1)
    sizes = counts.sum(axis=1)
    owners = counts.argmax(axis=1)
    alone = np.bincount(owners, minlength=k)[owners] == 1
    ownership = counts.max(axis=1) / np.maximum(sizes, 1)
    # Sums in an order of the points' own, or a shuffle would change their last bits.
    steps = np.argsort(certainty, kind="stable")
    mean = np.bincount(labels[steps], weights=certainty[steps], minlength=k) / np.maximum(sizes, 1)
    validated = alone & (ownership >= params.min_ownership) & (mean >= params.min_certainty)
    separable = (certainty >= params.separable_certainty) & (owner == owners[labels]) & alone[labels]
    order = np.lexsort((*chosen.centres.T[::-1], -sizes))
    number = np.empty(k, dtype=np.int32)
    number[order] = np.arange(k, dtype=np.int32)
    trials = tuple(mixture.trial for mixture in mixtures)
    return Partition(number[labels], k, validated[order], certainty, separable, trials)
