"""PowerWalk: personalised PageRank of any seeds, from an index built beforehand."""

from graph.powerwalk.fingerprints import Fingerprints, fingerprints
from graph.powerwalk.index import PowerWalkIndex, Ranking, Vectors
from graph.powerwalk.params import PowerWalkParams, QueryParams

__all__ = [
    "Fingerprints", "PowerWalkIndex", "PowerWalkParams", "QueryParams", "Ranking", "Vectors", "fingerprints",
]  # fmt: skip
