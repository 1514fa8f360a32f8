"""Chebyshev acceleration of a damped walk over an undirected graph, each column of a block for itself.

Source: Golub, Varga, Numer. Math. 1961 (semi-iteration); Hageman, Young, Applied Iterative Methods, 1981, chapters 4
and 5 (learning the spectrum on the way). A damped step over an undirected graph has real eigenvalues within
±``damping``; if those that matter lie within ±μ, blending each step with the iterate before last shrinks the error by
σ = μ / (1 + √(1 - μ²)) a step, instead of by μ. With μ too small nothing is lost: every error still shrinks at least
as fast as by plain steps. So μ starts low, and grows when the residual falls more slowly than σ says.
"""

from __future__ import annotations

from typing import final

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

_FIRST = 0.4  # of the damping; from .3 to .6 random, social and co-author graphs took within two steps as many
_PATIENCE = 4  # steps before μ is judged: the first ones of an epoch shrink less
_NOTHING = 1e-300  # a residual that has no ratios


@final
class Acceleration:
    """The blend of every column's next step. Plain arithmetic per column: bytes depend on that column alone."""

    def __init__(self, damping: float, n_columns: int) -> None:
        self._damping = damping
        self._reach = np.full(n_columns, _FIRST * damping)  # μ
        self._blend = np.ones(n_columns)
        self._age = np.zeros(n_columns, dtype=np.int64)
        self._before = self._last = np.ones(n_columns)

    def learn(self, residual: Float64s) -> Float64s:
        """The blend of the next step, float64 (n_columns,), from the L1 residuals of what the last one started from."""
        squared = self._reach * self._reach
        rate = self._reach / (1 + np.sqrt(1 - squared))
        two = np.divide(residual, self._before, out=np.ones_like(residual), where=self._before > _NOTHING)
        two = np.minimum(two, 1.0)  # blending may raise a residual for a while: no step is worse than none
        seen = np.sqrt(two)
        self._before, self._last = self._last, residual
        # Judged over two steps, since eigenvalues of both signs make every other one better. seen > rate ** 0.75,
        # written so that no library's power decides.
        slow = (self._age >= _PATIENCE) & (two * two > rate * rate * rate)
        wanted = np.divide(rate * rate, seen, out=np.zeros_like(seen), where=slow)
        wanted = np.minimum((seen + wanted) / (1 + rate * rate), self._damping)
        slow &= wanted > self._reach
        self._reach = np.where(slow, wanted, self._reach)
        self._age = np.where(slow, 0, self._age + 1)
        squared = self._reach * self._reach
        shrunk = np.where(self._age == 1, squared / 2, squared * self._blend / 4)
        self._blend = np.where(self._age == 0, 1.0, 1 / (1 - shrunk))
        return self._blend
