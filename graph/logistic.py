"""One-vs-rest logistic regression, all labels at once.

Minimises for every label ``‖w‖² / 2 + C · Σ log(1 + exp(-y x·w))`` with the intercept inside ``w``, which is the
problem of LIBLINEAR's ``L2R_LR`` solver (Fan et al., *LIBLINEAR: A Library for Large Linear Classification*, JMLR
2008), by a truncated Newton method. The rows are rotated once onto the axes of their second moments: there the Hessian
of a label is nearly diagonal, so a few conjugate gradient steps make a Newton step, each two products for all labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
from scipy.special import expit

from foundation.errors import NotConverged

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_CG = 100  # steps for one direction; what is left then is mended by the next Newton step
MAX_HALVINGS = 40


def fit_logistic(
    rows: npt.NDArray[Any], members: Bools, *, loss_weight: float = 1.0, tol: float = 1e-4, max_iter: int = 100
) -> Float64s:
    """Fit one model per label.

    Parameters
    ----------
    rows
        Finite numbers, shape (n_rows, dim), at least one row.
    members
        Shape (n_rows, n_labels): which rows have the label.
    loss_weight
        C above, more than 0.
    tol
        A label is done when its gradient is ``tol * min(n_with, n_without) / n_rows`` of what it was at ``w = 0``.

    Returns
    -------
    float64, shape (dim + 1, n_labels)
        Coefficients, the intercept last. A label that all rows have, or none, gets a finite model too.

    Raises
    ------
    NotConverged
        After ``max_iter`` Newton steps.
    """
    points, basis, moments = _rotated(rows)
    truth = members.astype(np.float64)
    found = np.zeros((points.shape[1], truth.shape[1]))
    rarer = np.maximum(1.0, np.minimum(truth.sum(axis=0), (1 - truth).sum(axis=0)))
    first = _norms(loss_weight * points.T @ (0.5 - truth))
    rounding = 1e-10 * loss_weight * np.linalg.norm(points)  # of sums that cancel, above what float64 leaves of them
    limit = tol * rarer / len(points) * first + rounding
    active = np.arange(truth.shape[1])
    worst = np.inf
    for _ in range(max_iter):
        weights, wanted = found[:, active], truth[:, active]
        margin = points @ weights
        chance = expit(margin)
        gradient = weights + loss_weight * (points.T @ (chance - wanted))
        size = _norms(gradient)
        going = size > limit[active]
        if not going.any():
            return np.asarray(basis @ found)
        worst = float((size / (limit[active] + np.finfo(float).tiny)).max())
        active, weights, margin, chance, gradient, wanted, size = (
            active[going],
            weights[:, going],
            margin[:, going],
            chance[:, going],
            gradient[:, going],
            wanted[:, going],
            size[going],
        )
        spread = chance * (1 - chance)
        closer = np.minimum(0.25, np.sqrt(size / (first[active] + rounding)))
        step = _newton_step(points, moments, spread, gradient, loss_weight, closer * size)
        found[:, active] = weights + step * _step_lengths(points, wanted, weights, margin, gradient, step, loss_weight)
    raise NotConverged(algorithm="logistic regression", residual=worst * tol, tol=tol, n_iter=max_iter)


def log_odds(rows: npt.NDArray[Any], coefficients: Float64s) -> Float64s:
    """Log odds of every label for every row, float64 (n_rows, n_labels)."""
    return np.asarray(rows @ coefficients[:-1] + coefficients[-1])


def _rotated(rows: npt.NDArray[Any]) -> tuple[Float64s, Float64s, Float64s]:
    """Rows with a constant 1, turned so that ``points.T @ points`` is diagonal; the axes; and that diagonal.

    With fewer rows than columns the axes span the rows only, where the minimum lies.
    """
    given = np.concatenate([rows, np.ones((len(rows), 1))], axis=1, dtype=np.float64)
    if given.shape[0] < given.shape[1]:
        basis = scipy.linalg.qr(given.T, mode="economic")[0]
        given = given @ basis
    else:
        basis = np.eye(given.shape[1])
    moments, axes = np.linalg.eigh(given.T @ given)
    return given @ axes, basis @ axes, np.maximum(moments, 0.0)


def _newton_step(
    points: Float64s, moments: Float64s, spread: Float64s, gradient: Float64s, loss_weight: float, enough: Float64s
) -> Float64s:
    """Conjugate gradients for ``Hessian @ step = -gradient``, a column per label, each until its residual is enough."""
    easier = 1 / (1 + loss_weight * moments[:, None] * spread.mean(axis=0))
    step, residual = np.zeros_like(gradient), -gradient
    nearer = easier * residual
    direction, product = nearer, (residual * nearer).sum(axis=0)
    for _ in range(MAX_CG):
        if (_norms(residual) <= enough).all():
            break
        bent = direction + loss_weight * (points.T @ (spread * (points @ direction)))
        length = _ratio(product, (direction * bent).sum(axis=0))
        step = step + length * direction
        residual = residual - length * bent
        nearer = easier * residual
        before, product = product, (residual * nearer).sum(axis=0)
        direction = nearer + _ratio(product, before) * direction
    return step


def _step_lengths(
    points: Float64s,
    wanted: Float64s,
    weights: Float64s,
    margin: Float64s,
    gradient: Float64s,
    step: Float64s,
    loss_weight: float,
) -> Float64s:
    """1, or the half, quarter … of it that lessens the objective enough (Armijo), one number per label."""
    along, slope = points @ step, (gradient * step).sum(axis=0)
    before = _objective(weights, margin, wanted, loss_weight)
    length = np.ones(step.shape[1])
    for _ in range(MAX_HALVINGS):
        after = _objective(weights + length * step, margin + length * along, wanted, loss_weight)
        too_far = after > before + 1e-4 * length * slope + 1e-13 * np.abs(before)  # the last term is rounding
        if not too_far.any():
            break
        length[too_far] /= 2
    return length


def _objective(weights: Float64s, margin: Float64s, wanted: Float64s, loss_weight: float) -> Float64s:
    loss = np.logaddexp(0.0, margin) - wanted * margin
    return np.asarray(0.5 * (weights**2).sum(axis=0) + loss_weight * loss.sum(axis=0))


def _norms(block: Float64s) -> Float64s:
    return np.asarray(np.linalg.norm(block, axis=0))


def _ratio(upper: Float64s, lower: Float64s) -> Float64s:
    """0 where the label is solved exactly."""
    return np.divide(upper, lower, out=np.zeros_like(upper), where=lower > 0)
