"""PowerWalk: personalised PageRank of any seeds, from an index built beforehand."""

from graph.powerwalk.fingerprints import Fingerprints, arc_cumulative, fingerprints
from graph.powerwalk.index import PowerWalkIndex, Ranking, Vectors
from graph.powerwalk.params import PowerWalkParams, QueryParams

__all__ = [
    "Fingerprints", "PowerWalkIndex", "PowerWalkParams", "QueryParams", "Ranking", "Vectors", "arc_cumulative",
    "fingerprints",
]  # fmt: skip
