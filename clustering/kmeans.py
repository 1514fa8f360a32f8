"""k-means that gives equal labels on any number of cores; scikit-learn's, which is an optional dependency."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt
import threadpoolctl

from foundation.errors import MissingExtra
from foundation.seeds import key

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]


def check_installed(feature: str, *packages: tuple[str, str]) -> None:
    """Raise MissingExtra unless every (module, package) of the extra ``clustering`` is there."""
    for module, package in packages:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(feature=feature, package=package, extra="clustering")


def kmeans(points: Float64s, k: int, *, n_starts: int, seed: int) -> Int32s:
    """Labels of the start with the least inertia, numbered by size descending, then by smallest member.

    Fewer than ``k`` labels where there are fewer distinct points.
    """
    check_installed("k-means", ("sklearn", "scikit-learn"))
    from sklearn.cluster import KMeans

    k = min(k, len(np.unique(points, axis=0)))
    with threadpoolctl.threadpool_limits(1):  # sums of several threads would round by their number
        model = KMeans(k, n_init=n_starts, random_state=key(seed, "kmeans") % 2**32)
        return by_size(model.fit_predict(points))


def by_size(labels: npt.NDArray[np.integer]) -> Int32s:
    """The same partition, numbered by size descending, then by smallest member."""
    _, first, community, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    number = np.empty(order.size, dtype=np.int32)
    number[order] = np.arange(order.size, dtype=np.int32)
    return number[community]
