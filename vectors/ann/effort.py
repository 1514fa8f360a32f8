"""How hard a search looks, and how much harder for more neighbours or past a filter."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Final

K: Final = 10  # neighbours that recall is measured for

# The tenth of a hundredth of the vectors lies where the thousandth of all does: a wider region, cut by more lists,
# but by fewer than in proportion.
_LISTS_GROW: Final = 0.75
# The best ten of fewer vectors lie farther away, where codes tell less well which is nearer.
_FACTOR_GROW: Final = 0.35  # both powers by `benchmarks/bench_ann_filters.py`


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """``ef_search`` is a graph's beam; of lists ``n_probe`` are read and ``k_factor`` times k vectors scored again."""

    ef_search: int = 1
    n_probe: int = 1
    k_factor: int = 1

    def wider(self, wanted: int, of: int) -> Effort:
        """For ``wanted`` neighbours instead of ``of``, or where one row in ``wanted / of`` may be found."""
        if wanted <= of:
            return self
        beam = -(-self.ef_search * wanted // of)
        n_probe = math.ceil(self.n_probe * (wanted / of) ** _LISTS_GROW)
        k_factor = math.ceil(self.k_factor * (wanted / of) ** _FACTOR_GROW)
        return dataclasses.replace(self, ef_search=beam, n_probe=n_probe, k_factor=k_factor)
