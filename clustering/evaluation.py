"""How good communities are, held against known ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse

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


def average_f1(truth: Sequence[Members], found: Sequence[Members]) -> float:
    """Mean of two means: each true community's best F1 among the found ones, and the reverse.

    Communities may overlap; members are integers of 0 and more. Two covers of which one is empty score 0.
    """
    if not truth or not found:
        return 0.0
    n_nodes = 1 + max((int(np.max(members)) for members in (*truth, *found) if len(members)), default=0)
    left, right = _incidence(truth, n_nodes), _incidence(found, n_nodes)
    shared = (left @ right.T).toarray()
    sizes = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :]
    f1 = 2 * shared / np.maximum(sizes, 1)
    return float((f1.max(axis=1).mean() + f1.max(axis=0).mean()) / 2)


def normalized_mutual_information(first: Members, second: Members) -> float:
    """2 I / (H1 + H2) of two labellings; 1 when both have one label.

    It rewards shattering: a label per node scores high against anything, so report `adjusted_rand_index` too.
    """
    table = _contingency(first, second)
    joint = table.data / table.sum()
    rows, columns = np.asarray(table.sum(axis=1)) / table.sum(), np.asarray(table.sum(axis=0)) / table.sum()
    entropies = -(rows * np.log(rows)).sum() - (columns * np.log(columns)).sum()
    if entropies == 0:
        return 1.0
    where = table.coords
    information = (joint * np.log(joint / (rows[where[0]] * columns[where[1]]))).sum()
    return float(max(2 * information / entropies, 0.0))


def adjusted_rand_index(first: Members, second: Members) -> float:
    """Agreement on pairs, 0 on average for random labels, 1 for equal ones."""
    table = _contingency(first, second)
    n = int(table.sum())
    together = _pairs(table.data)
    in_first, in_second = _pairs(np.asarray(table.sum(axis=1))), _pairs(np.asarray(table.sum(axis=0)))
    expected = in_first * in_second / max(n * (n - 1) // 2, 1)
    highest = (in_first + in_second) / 2
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def _incidence(communities: Sequence[Members], n_nodes: int) -> scipy.sparse.csr_array:
    """0/1 matrix, one row per community."""
    unique = [np.unique(np.asarray(members, dtype=np.int64)) for members in communities]
    indptr = np.concatenate(([0], np.cumsum([members.size for members in unique])))
    columns = np.concatenate(unique)
    return scipy.sparse.csr_array((np.ones(columns.size), columns, indptr), shape=(len(unique), n_nodes))


def _contingency(first: Members, second: Members) -> scipy.sparse.coo_array:
    """How often each pair of labels meets, only the pairs that do."""
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise InvalidInput(
            source="labels", what=f"shapes {first.shape} and {second.shape}", fix="pass one label per node, twice"
        )
    _, left = np.unique(first, return_inverse=True)
    _, right = np.unique(second, return_inverse=True)
    table = scipy.sparse.coo_array((np.ones(left.size, dtype=np.int64), (left, right)))
    table.sum_duplicates()
    return table


def _pairs(counts: npt.NDArray[np.int64]) -> int:
    """Pairs within groups of these sizes."""
    return int((counts * (counts - 1) // 2).sum())
