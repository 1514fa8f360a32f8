"""One number of clusters put to the test: runs of k-means on FAISS, and the mixture that starts from the best.

Call on one thread of BLAS, or last bits vary. k-means runs in float32, mixtures in float64.
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from clustering.partitive_params import PartitiveParams
from foundation.seeds import key
from vectors.metrics import faiss_threads

Float64s = npt.NDArray[np.float64]

_RIDGE: Final = 1e-6  # of the mean variance, added to every variance
_KMEANS_STEPS: Final = 50
_MIXTURE_STEPS: Final = 500


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found for one number of clusters.

    Attributes
    ----------
    n_clusters : tried
    repeatability : mean adjusted Rand index of pairs of runs of k-means; 1 for one run
    agreement : adjusted Rand index of the best run and the mixture's most likely Gaussians
    responsibility : mean over points, of the most likely Gaussian
    bic : Bayesian information criterion of the mixture, in the units of the points; lower is better
    """

    n_clusters: int
    repeatability: float
    agreement: float
    responsibility: float
    bic: float


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A trial with its centres float64 (k, dim), and scikit-learn's mixture whose Gaussian i began at centre i."""

    trial: Trial
    centres: Float64s
    model: Any


def try_out(points: Float64s, k: int, scale: float, params: PartitiveParams) -> Mixture | None:
    """The trial of k clusters; None where no mixture can be fitted.

    That is where a part of the best run has too few points for a covariance, or the mixture does not converge.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score
    from sklearn.mixture import GaussianMixture

    runs = [_kmeans(points, k, key(params.seed, "partitive.kmeans", k, run)) for run in range(params.n_runs)]
    partitions = [nearest(points, centres) for centres in runs]
    best = int(np.argmin([_inertia(points, runs[run], partitions[run]) for run in range(params.n_runs)]))
    labels, dim = partitions[best], points.shape[1]
    sizes = np.bincount(labels, minlength=k)
    if sizes.min() < (dim + 1 if params.covariance == "full" else 2) and k > 1:
        return None
    model = GaussianMixture(
        k,
        covariance_type=params.covariance,
        reg_covar=_RIDGE,
        max_iter=_MIXTURE_STEPS,
        weights_init=sizes / sizes.sum(),
        means_init=runs[best],
        precisions_init=_precisions(points, labels, k, params.covariance),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points)
        if not model.converged_:
            return None
        shares = model.predict_proba(points)
        bic = float(model.bic(points))
    pairs = itertools.combinations(partitions, 2)
    agreements = [float(adjusted_rand_score(left, right)) for left, right in pairs]
    trial = Trial(
        n_clusters=k,
        repeatability=float(np.mean(agreements)) if agreements else 1.0,
        agreement=float(adjusted_rand_score(labels, shares.argmax(axis=1))),
        responsibility=float(shares.max(axis=1).mean()),
        bic=bic + 2 * points.size * float(np.log(scale)),
    )
    return Mixture(trial, runs[best], model)


def nearest(points: Float64s, centres: Float64s) -> npt.NDArray[np.int64]:
    """The centre nearest to every point, the lower one of equals."""
    distances = np.stack([_squared(points, centre) for centre in centres])
    return np.asarray(distances.argmin(axis=0))


def fit(mixture: Mixture, points: Float64s) -> Float64s:
    """Responsibility of every Gaussian for every point, (n, k)."""
    shares: Float64s = mixture.model.predict_proba(points)
    return shares


def _kmeans(points: Float64s, k: int, word: int) -> Float64s:
    """Centres of one run from points drawn at random."""
    with faiss_threads(1) as faiss:
        run = faiss.Kmeans(
            points.shape[1],
            k,
            niter=_KMEANS_STEPS,
            seed=word & 0x7FFFFFFF,
            min_points_per_centroid=1,
            max_points_per_centroid=len(points),
        )
        run.train(np.ascontiguousarray(points, dtype=np.float32))
    return np.asarray(run.centroids, dtype=np.float64).reshape(k, -1)


def _inertia(points: Float64s, centres: Float64s, labels: npt.NDArray[np.int64]) -> float:
    return float(((points - centres[labels]) ** 2).sum())


def _squared(points: Float64s, centre: Float64s) -> Float64s:
    """Of each point alone, so that equal points get equal numbers wherever they stand."""
    total = np.zeros(len(points))
    for d in range(points.shape[1]):
        total += (points[:, d] - centre[d]) ** 2
    return total


def _precisions(points: Float64s, labels: npt.NDArray[np.int64], k: int, covariance: str) -> Float64s:
    """Inverse covariances of the parts, (k, dim, dim), or inverse variances (k, dim)."""
    dim = points.shape[1]
    if covariance == "diag":
        return np.stack([1 / (points[labels == part].var(axis=0) + _RIDGE) for part in range(k)])
    ridge = _RIDGE * np.eye(dim)
    parts = [points[labels == part] for part in range(k)]
    return np.stack([np.linalg.inv(np.cov(part.T, ddof=0).reshape(dim, dim) + ridge) for part in parts])
