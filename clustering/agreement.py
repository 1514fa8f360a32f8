"""Agreement of two labellings of the same nodes, and of two covers of them.

Source: Vinh, Epps, Bailey, JMLR 11:2837, 2010 (adjustment for chance; the mean of entropies is arithmetic); Hubert,
Arabie, Journal of Classification 2:193, 1985 (Rand index); Yang, Leskovec, ICDM 2012 (average F1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from clustering.kernels.agreement import expected_information
from foundation.errors import InvalidInput

Members = npt.NDArray[np.integer]


class Comparison(NamedTuple):
    """How found communities agree with true ones.

    ``nmi`` alone misleads: it rewards shattering. A label per node scores .65 on e-mail between departments; ``ami``
    and ``ari``, which are 0 for chance, and the numbers of communities tell.

    nmi, ami, ari : see `normalized_mutual_information`, `adjusted_mutual_information`, `adjusted_rand_index`
    f1 : see `average_f1`
    n_found, n_true : communities among the nodes compared
    n_nodes : nodes compared: those whose true label is known
    """

    nmi: float
    ami: float
    ari: float
    f1: float
    n_found: int
    n_true: int
    n_nodes: int


def compare(found: Members, truth: Members) -> Comparison:
    """All measures at once; nodes whose true label is negative are unknown and left out.

    Raises
    ------
    InvalidInput
        When there is not one found and one true label per node, or no true one is known.
    """
    _check_labels(found, truth)
    known = np.asarray(truth) >= 0
    if not known.any():
        raise InvalidInput(source="labels", what="no true label is known", fix="unknown ones are negative; give some")
    table = _contingency(np.asarray(found)[known], np.asarray(truth)[known])
    n_found, n_true = table.shape
    return Comparison(
        nmi=_nmi(table),
        ami=_ami(table),
        ari=_ari(table),
        f1=_average_f1(table, np.asarray(table.sum(axis=1)), np.asarray(table.sum(axis=0))),
        n_found=n_found,
        n_true=n_true,
        n_nodes=int(known.sum()),
    )


def normalized_mutual_information(first: Members, second: Members) -> float:
    """2 I / (H1 + H2) of two labellings; 1 when both have one label.

    It rewards shattering: a label per node scores high against anything. Prefer `compare`, which never shows it alone.
    """
    return _nmi(_table(first, second))


def adjusted_mutual_information(first: Members, second: Members) -> float:
    """Mutual information, 0 on average for random labels of the same sizes, 1 for equal partitions.

    (I - E) / ((H1 + H2) / 2 - E), with E exact: the mean over all partitions of these sizes. Where that divides 0 by
    0, which is so when each labelling has one label only or a label per node, it is 1 for equal partitions and 0 for
    others.
    """
    return _ami(_table(first, second))


def adjusted_rand_index(first: Members, second: Members) -> float:
    """Agreement on pairs, 0 on average for random labels, 1 for equal ones."""
    return _ari(_table(first, second))


def average_f1(truth: Sequence[Members], found: Sequence[Members]) -> float:
    """Mean of two means: each true community's best F1 among the found ones, and the reverse.

    Communities may overlap; members are integers of 0 and more. Two covers of which one is empty score 0. Memory is
    that of the pairs of communities which share a member.
    """
    if not truth or not found:
        return 0.0
    n_nodes = 1 + max((int(np.max(members)) for members in (*truth, *found) if len(members)), default=0)
    left, right = _incidence(truth, n_nodes), _incidence(found, n_nodes)
    shared = scipy.sparse.coo_array(left @ right.T)
    return _average_f1(shared, np.asarray(left.sum(axis=1)), np.asarray(right.sum(axis=1)))


def cover_of(labels: Members, *, among: Sequence[Members] | None = None, least: int = 1) -> list[Members]:
    """The communities of a labelling as lists of members, ascending, by ascending label.

    ``among`` keeps only nodes that occur in these communities, the usual way to compare with a truth that covers a part
    of the nodes; ``least`` drops communities that are then smaller.
    """
    given = np.asarray(labels)
    nodes = np.arange(given.size) if among is None else np.unique(np.concatenate([np.empty(0, dtype=np.int64), *among]))
    order = nodes[np.argsort(given[nodes], kind="stable")]
    cuts = np.flatnonzero(np.diff(given[order])) + 1
    return [members for members in np.split(order, cuts) if members.size >= max(least, 1)]


def _check_labels(first: Members, second: Members) -> None:
    left, right = np.shape(first), np.shape(second)
    if left != right or len(left) != 1 or left[0] == 0:
        raise InvalidInput(source="labels", what=f"shapes {left} and {right}", fix="pass one label per node, twice")


def _table(first: Members, second: Members) -> scipy.sparse.coo_array:
    _check_labels(first, second)
    return _contingency(first, second)


def _contingency(first: Members, second: Members) -> scipy.sparse.coo_array:
    """How often each pair of labels meets, only the pairs that do, int64."""
    _, left = np.unique(first, return_inverse=True)
    _, right = np.unique(second, return_inverse=True)
    table = scipy.sparse.coo_array((np.ones(left.size, dtype=np.int64), (left, right)))
    table.sum_duplicates()
    return table


def _information(table: scipy.sparse.coo_array) -> tuple[float, float]:
    """Mutual information and the mean of both entropies, in nats."""
    joint = table.data / table.sum()
    rows, columns = np.asarray(table.sum(axis=1)) / table.sum(), np.asarray(table.sum(axis=0)) / table.sum()
    entropies = -(rows * np.log(rows)).sum() - (columns * np.log(columns)).sum()
    where = table.coords
    information = (joint * np.log(joint / (rows[where[0]] * columns[where[1]]))).sum()
    return float(information), float(entropies / 2)


def _nmi(table: scipy.sparse.coo_array) -> float:
    information, entropy = _information(table)
    return 1.0 if entropy == 0 else max(information / entropy, 0.0)


def _ami(table: scipy.sparse.coo_array) -> float:
    if table.nnz == max(table.shape) == min(table.shape):  # every label meets one label: equal partitions
        return 1.0
    information, entropy = _information(table)
    sizes = (np.unique(np.asarray(table.sum(axis=axis)), return_counts=True) for axis in (1, 0))
    (first, n_first), (second, n_second) = sizes
    expected = expected_information(first, n_first, second, n_second)
    room = entropy - expected
    return 0.0 if abs(room) < 1e-12 * max(entropy, 1.0) else (information - expected) / room


def _ari(table: scipy.sparse.coo_array) -> float:
    n = int(table.sum())
    together = _pairs(table.data)
    in_first, in_second = _pairs(np.asarray(table.sum(axis=1))), _pairs(np.asarray(table.sum(axis=0)))
    expected = in_first * in_second / max(n * (n - 1) // 2, 1)
    highest = (in_first + in_second) / 2
    return 1.0 if highest == expected else (together - expected) / (highest - expected)


def _pairs(counts: npt.NDArray[np.int64]) -> int:
    """Pairs within groups of these sizes."""
    return int((counts * (counts - 1) // 2).sum())


def _average_f1(shared: scipy.sparse.coo_array, left: npt.NDArray[np.number], right: npt.NDArray[np.number]) -> float:
    """From the members shared and the sizes of the communities of both sides."""
    rows, columns = shared.coords
    f1 = 2 * shared.data / (left[rows] + right[columns])
    of_left, of_right = np.zeros(left.size), np.zeros(right.size)
    np.maximum.at(of_left, rows, f1)
    np.maximum.at(of_right, columns, f1)
    return float((of_left.mean() + of_right.mean()) / 2)


def _incidence(communities: Sequence[Members], n_nodes: int) -> scipy.sparse.csr_array:
    """0/1 matrix, one row per community."""
    unique = [np.unique(np.asarray(members, dtype=np.int64)) for members in communities]
    indptr = np.concatenate(([0], np.cumsum([members.size for members in unique])))
    columns = np.concatenate(unique)
    return scipy.sparse.csr_array((np.ones(columns.size), columns, indptr), shape=(len(unique), n_nodes))
