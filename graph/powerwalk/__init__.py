"""PowerWalk: personalised PageRank of any seeds, from an index built beforehand."""

from graph.powerwalk.fingerprints import Fingerprints, PowerWalkParams, fingerprints
from graph.powerwalk.index import PowerWalkIndex, QueryParams, Ranking

__all__ = [
    "Fingerprints", "PowerWalkIndex", "PowerWalkParams", "QueryParams", "Ranking", "fingerprints",
]  # fmt: skip
