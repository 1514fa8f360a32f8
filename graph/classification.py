"""Labels of nodes predicted from their vectors, by the protocol of the embedding literature.

One-vs-rest logistic regression on columns of mean 0 and variance 1; a node with t true labels is given the t most
probable ones (t is told to the ranker); Micro- and Macro-F1. Source: Perozzi, Al-Rfou, Skiena, *DeepWalk*, KDD 2014,
section 5, and the evaluation that FastRP's authors published.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graph.logistic import fit_logistic, log_odds

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class F1(NamedTuple):
    """Micro-F1 counts every assignment once, Macro-F1 is the mean over labels; a label nobody has or got counts 0."""

    micro: float
    macro: float

    @property
    def mean(self) -> float:
        """Half of both."""
        return (self.micro + self.macro) / 2


def scaled_columns(block: npt.NDArray[Any]) -> Float64s:
    """Every column with mean 0 and variance 1, float64; a constant column becomes 0."""
    centred = block - block.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(np.mean(centred**2, axis=0))
    rounding = 1e-6 * np.abs(block).max(axis=0, initial=0)  # a float32 column this even is constant
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > rounding))


def label_odds(
    train: npt.NDArray[Any], members: Bools, test: npt.NDArray[Any], *, loss_weight: float, tol: float = 1e-4
) -> Float64s:
    """Log odds of every label for the rows of ``test``, float64 (n_test, n_labels), by models fitted on ``train``.

    A label that no row of ``train`` has is impossible (-inf), one that all have is certain (inf).
    """
    odds = np.full((len(test), members.shape[1]), -np.inf)
    odds[:, members.all(axis=0)] = np.inf
    mixed = members.any(axis=0) & ~members.all(axis=0)
    if mixed.any():
        odds[:, mixed] = log_odds(test, fit_logistic(train, members[:, mixed], loss_weight=loss_weight, tol=tol))
    return odds


def most_probable(odds: Float64s, counts: npt.NDArray[np.integer[Any]]) -> Bools:
    """As many labels per row as ``counts`` says, the most probable first, ties by the lower label."""
    order = np.argsort(-odds, axis=1, kind="stable")
    chosen = np.zeros(odds.shape, dtype=bool)
    np.put_along_axis(chosen, order, np.arange(odds.shape[1]) < counts[:, None], axis=1)
    return chosen


def f1_scores(truth: Bools, predicted: Bools) -> F1:
    """Micro- and Macro-F1 of predictions, both of shape (n_rows, n_labels)."""
    hits = (truth & predicted).sum(axis=0)
    sizes = truth.sum(axis=0) + predicted.sum(axis=0)
    return F1(float(2 * hits.sum() / max(sizes.sum(), 1)), float(np.mean(2 * hits / np.maximum(sizes, 1))))
