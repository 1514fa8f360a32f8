"""PowerWalk: personalised PageRank of any seeds, from an index built beforehand."""

from graph.powerwalk.fingerprints import Fingerprints, PowerWalkParams, arc_cumulative, fingerprints
from graph.powerwalk.index import PowerWalkIndex, QueryParams, Ranking

__all__ = [
    "Fingerprints", "PowerWalkIndex", "PowerWalkParams", "QueryParams", "Ranking", "arc_cumulative", "fingerprints",
]  # fmt: skip
