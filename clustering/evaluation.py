"""How good communities are: recall around seeds here; agreement with known ones and cuts of links by their modules.

Everything public of `clustering.agreement` and `clustering.modularity` can be had from here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clustering.agreement import Comparison as Comparison
from clustering.agreement import adjusted_mutual_information as adjusted_mutual_information
from clustering.agreement import adjusted_rand_index as adjusted_rand_index
from clustering.agreement import average_f1 as average_f1
from clustering.agreement import compare as compare
from clustering.agreement import cover_of as cover_of
from clustering.agreement import normalized_mutual_information as normalized_mutual_information
from clustering.modularity import conductances as conductances
from clustering.modularity import modularity as modularity
from foundation.errors import InvalidInput

Members = npt.NDArray[np.integer]


def recall_curve(found: Members, community: Members, seeds: Members) -> npt.NDArray[np.float64]:
    """Share of the community's other members found after 0, 1, 2, … additions to the seeds.

    Parameters
    ----------
    found
        Additions, best first; seeds among them are skipped.
    community, seeds
        The true members, and those of them given away; at least one member must not be a seed.

    Returns
    -------
    float64, shape (n_hidden + 1,)
        As many additions as there are hidden members; a shorter ``found`` stays at its last recall.
    """
    hidden = np.setdiff1d(community, seeds)
    if hidden.size == 0:
        raise InvalidInput(source="community", what="every member is a seed", fix="hide at least one member")
    additions = found[~np.isin(found, seeds)][: hidden.size]
    hits = np.zeros(hidden.size + 1)
    hits[1 : additions.size + 1] = np.isin(additions, hidden)
    return np.asarray(np.cumsum(hits) / hidden.size)


def recall_curve_area(found: Members, community: Members, seeds: Members) -> float:
    """Area under `recall_curve` with additions scaled to [0, 1], by trapezoids: 0.5 is perfect, not 1."""
    curve = recall_curve(found, community, seeds)
    return float((curve[1:] + curve[:-1]).sum() / 2 / (curve.size - 1))
