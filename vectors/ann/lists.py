"""Opened inverted lists: which lists a query reads, and which of their vectors look nearest.

The projection and the choice of lists are ours, since FAISS does both through BLAS, whose last bits depend on the
size of the batch; so is scanning lists of bytes (`vectors.ann.byte_lists`). Scanning the others is FAISS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from vectors.ann.byte_lists import ByteLists
from vectors.ann.centroids import search_form
from vectors.ann.forms import Kind, ListForm
from vectors.kernels.byte_lists import lists_holding
from vectors.kernels.lists import nearest_lists, project
from vectors.metrics import Float32s, Int64s, load_faiss

Bools = npt.NDArray[np.bool_]
_MORE = 4  # times as many are asked for where too few of those that were found pass a filter


def unprojected(base: Any) -> tuple[Any, Float32s | None]:
    """The index behind FAISS's ``IndexPreTransform``, and its projection, float32 (dim, n_columns), if there is one."""
    faiss = load_faiss()
    index = faiss.downcast_index(base)
    if not isinstance(index, faiss.IndexPreTransform):
        return index, None
    transform = faiss.downcast_VectorTransform(index.chain.at(0))
    columns = faiss.vector_to_array(transform.A).reshape(transform.d_out, transform.d_in)
    return faiss.downcast_index(index.index), np.ascontiguousarray(columns.T)


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists:
    """Inverted lists over the positions 0, 1, … of the vectors they hold.

    Attributes
    ----------
    index : the FAISS ``IndexIVF…``
    matrix : float32, shape (dim, n_columns); None where vectors are not projected
    centroids, half_norms : as `search_form` gives them
    sizes : int64, shape (n_lists,); vectors in each list
    id_ats : int64, shape (n_lists,); addresses of the positions in each list, in FAISS's memory
    scanned : how lists of bytes are read; None for other kinds
    """

    index: Any
    kind: Kind
    euclidean: bool
    matrix: Float32s | None
    centroids: Float32s
    half_norms: Float32s
    sizes: Int64s
    id_ats: Int64s
    scanned: ByteLists | None = None

    @classmethod
    def open(cls, base: Any) -> Lists:
        """From what lies under FAISS's ``IndexRefine``."""
        faiss = load_faiss()
        index, matrix = unprojected(base)
        kinds: dict[str, Kind] = {
            "IndexIVFFlat": "ivf",
            "IndexIVFScalarQuantizer": "ivfsq",
            "IndexIVFPQFastScan": "ivfpq",
            "IndexIVFRaBitQFastScan": "rabitq",
        }
        euclidean = index.metric_type == faiss.METRIC_L2
        centres = index.quantizer.reconstruct_n(0, index.nlist)
        centroids, half_norms = search_form(centres, euclidean=euclidean)
        kind = kinds[type(index).__name__]
        sizes = np.array([index.invlists.list_size(number) for number in range(index.nlist)], dtype=np.int64)
        ids = [index.invlists.get_ids(number) for number in range(index.nlist)]
        id_ats = np.array([0 if place is None else int(place) for place in ids], dtype=np.int64)
        return cls(
            index=index,
            kind=kind,
            euclidean=euclidean,
            matrix=matrix,
            centroids=centroids,
            half_norms=half_norms,
            sizes=sizes,
            id_ats=id_ats,
            scanned=ByteLists.open(index, sizes, id_ats, euclidean=euclidean) if kind == "ivfsq" else None,
        )

    @property
    def form(self) -> ListForm:
        """As `vectors.ann.forms.list_form` gave it."""
        n_codes = int(self.index.M) if self.kind == "ivfpq" else 0
        n_columns, n_lists = self.centroids.shape
        projected = self.matrix is not None
        return ListForm(kind=self.kind, n_lists=n_lists, n_columns=n_columns, is_projected=projected, n_codes=n_codes)

    @property
    def n_bytes(self) -> int:
        """Bytes in memory: codes, numbers, centroids, projection."""
        learned = self.centroids.nbytes + (0 if self.matrix is None else self.matrix.nbytes)
        if self.scanned is not None:
            learned += self.scanned.n_bytes
        return int(self.sizes.sum()) * (self.form.code_bytes + 8) + learned

    def nearest(
        self, queries: Float32s, n_probe: int, among: Int64s | None = None
    ) -> tuple[Float32s, Int64s, Float32s]:
        """The queries as the lists hold vectors, the ``n_probe`` lists nearest to each, and how near those are.

        ``among`` are the lists to choose from, ascending; None is all of them.
        """
        low = queries
        if self.matrix is not None:
            low = np.empty((queries.shape[0], self.matrix.shape[1]), dtype=np.float32)
            project(queries, self.matrix, low)
        centroids, half_norms = self.centroids, self.half_norms
        if among is not None:
            centroids, half_norms = np.ascontiguousarray(centroids[:, among]), half_norms[among]
        numbers = np.empty((queries.shape[0], min(n_probe, half_norms.size)), dtype=np.int64)
        values = np.empty(numbers.shape, dtype=np.float32)
        nearest_lists(low, centroids, half_norms, self.euclidean, numbers, values)
        if among is not None:
            numbers = among[numbers]
        return low, numbers, values

    def holding(self, is_wanted: Bools) -> Int64s:
        """Lists that hold a wanted position, ascending."""
        holds = np.empty(self.sizes.size, dtype=np.bool_)
        lists_holding(self.id_ats, self.sizes, is_wanted, holds)
        return np.flatnonzero(holds)

    def propose(
        self,
        queries: Float32s,
        n: int,
        n_probe: int,
        is_wanted: Bools | None = None,
        *,
        in_order: bool = True,
    ) -> Int64s:
        """Positions that look nearest, int64 (n_queries, n), padded with -1; best first when ``in_order``.

        ``is_wanted``, bool (n,), tells which positions may be found; lists that hold none of them are passed over, or a
        filter that follows the geometry would find little. Call under `faiss_threads`.
        """
        among = None if is_wanted is None else self.holding(is_wanted)
        low, numbers, values = self.nearest(queries, n_probe, among)
        if self.scanned is not None:
            return self.scanned.nearest(low, numbers, n, is_wanted, in_order=in_order)
        if self.kind == "rabitq" and is_wanted is not None:
            return self._wanted(low, numbers, values, n, is_wanted)
        positions = self._scanned(low, numbers, values, n, is_wanted)
        if self.kind == "ivfpq" and is_wanted is None:
            self._fill(positions, numbers, self.sizes[numbers].sum(axis=1))
        return positions

    def _scanned(
        self, low: Float32s, numbers: Int64s, values: Float32s, n: int, is_wanted: Bools | None = None
    ) -> Int64s:
        """What FAISS finds in lists ``numbers``, int64 (n_queries, n)."""
        faiss, positions = load_faiss(), np.empty((low.shape[0], n), dtype=np.int64)
        if positions.size == 0:
            return positions
        options = faiss.SearchParametersIVF(nprobe=numbers.shape[1])
        if is_wanted is not None:
            selector = faiss.IDSelectorBitmap(np.packbits(is_wanted, bitorder="little"))
            options.sel = selector
        closeness = np.empty(positions.shape, dtype=np.float32)
        # By pointers, since the wrapped method knows no options and so no number of lists but the index's own.
        self.index.search_preassigned_c(
            low.shape[0],
            faiss.swig_ptr(low),
            n,
            faiss.swig_ptr(numbers),
            faiss.swig_ptr(values),
            faiss.swig_ptr(closeness),
            faiss.swig_ptr(positions),
            False,
            options,
        )
        if is_wanted is not None:
            positions[~is_wanted[positions]] = -1
        return positions

    def _wanted(self, low: Float32s, numbers: Int64s, values: Float32s, n: int, is_wanted: Bools) -> Int64s:
        """As `_scanned` of single bits, whose scan heeds no selector: more are asked for until n of them are wanted."""
        out = np.full((low.shape[0], n), -1, dtype=np.int64)
        n_read = self.sizes[numbers].sum(axis=1)
        n_asked = -(-n * is_wanted.size // max(1, int(np.count_nonzero(is_wanted))))
        left = np.flatnonzero(n_read > 0)
        while left.size:
            n_asked = min(n_asked, int(n_read[left].max()))
            found = self._scanned(low[left], numbers[left], values[left], n_asked)
            good = (found >= 0) & is_wanted[found]
            place = np.cumsum(good, axis=1) - 1
            row, at = np.nonzero(good & (place < n))
            out[left[row], place[row, at]] = found[row, at]
            left = left[(good.sum(axis=1) < n) & (n_asked < n_read[left])]
            n_asked *= _MORE
        return out

    def _fill(self, positions: Int64s, numbers: Int64s, n_read: Int64s) -> None:
        """Put in what was read and dropped: FAISS leaves out vectors whose packed estimate is the worst there can be.

        That happens where codes tell nothing, as of vectors that are their own centroids.
        """
        faiss, n = load_faiss(), positions.shape[1]
        n_found = np.count_nonzero(positions >= 0, axis=1)
        for query in np.flatnonzero(n_found < np.minimum(n, n_read)):
            members = [self._members(faiss, int(number)) for number in numbers[query]]
            dropped = np.setdiff1d(np.concatenate(members), positions[query])[: n - n_found[query]]
            positions[query, n_found[query] : n_found[query] + dropped.size] = dropped

    def _members(self, faiss: Any, number: int) -> Int64s:
        """Positions in a list."""
        size = int(self.sizes[number])
        if size == 0:
            return np.zeros(0, dtype=np.int64)
        return np.array(faiss.rev_swig_ptr(self.index.invlists.get_ids(number), size))
