"""Building indexes of codes: learn what the codes mean from a sample, then encode a block of rows at a time.

Everything that is learned is learned by our own loops in a fixed order of sums and handed to FAISS, so that bytes do
not depend on threads or on a BLAS. FAISS encodes and scans.

Sources: Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", TPAMI 2011; the setting of 256
centres for every 8 columns from Dhulipala et al., NeurIPS 2024, arXiv:2405.19504, section 3.2; Gao, Long, "RaBitQ",
SIGMOD 2024, arXiv:2405.12497. The last has vectors rotated at random first. Encodings are mixed by random signs, and
a rotation only cost them recall, with single bits and with product codes alike (docs/muvera.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.seeds import stream
from foundation.threads import even_ranges
from vectors.ann.centroids import centroids, nearest_centroids
from vectors.coded.params import COLUMNS, Form
from vectors.metrics import Float32s, Int64s, faiss_threads, parse_rows, parse_taken

_ROWS: Final = 8_192  # encoded at a time
_SAMPLE: Final = 16_384  # rows that codebooks of 256 entries and means are learned from
_PER_LIST: Final = 32  # rows that the centroid of a list is learned from
_METRIC: Final = "inner_product"


def padded(rows: Float32s, width: int) -> Float32s:
    """Rows with zeros to ``width`` columns."""
    if rows.shape[1] == width:
        return rows
    wide = np.zeros((rows.shape[0], width), dtype=np.float32)
    wide[:, : rows.shape[1]] = rows
    return wide


def build_codes(encodings: npt.NDArray[Any], form: Form, seed: int) -> Any:
    """A FAISS index of the codes of all rows, whose numbers are their positions; one thread.

    ``encodings`` float (n, dim), may be memory-mapped and is read twice, a block at a time.

    Raises
    ------
    InvalidInput
        When a row is not finite, or too long.
    """
    with faiss_threads(1) as faiss:
        sample = _sampled(encodings, _SAMPLE, form.width, seed)
        index: Any
        if form.kind == "rabitq":
            index = faiss.IndexRaBitQFastScan(form.width, faiss.METRIC_INNER_PRODUCT)
            middle = sample.mean(axis=0, dtype=np.float64) if len(sample) else np.zeros(form.width)
            faiss.copy_array_to_vector(middle.astype(np.float32), index.center)
        elif form.kind == "pq":
            index = faiss.IndexPQ(form.width, form.width // COLUMNS, 8, faiss.METRIC_INNER_PRODUCT)
            faiss.copy_array_to_vector(_codebooks(sample, seed).ravel(), index.pq.centroids)
        else:
            return _lists(faiss, encodings, form, sample, seed)
        index.is_trained = True
        for _, rows in _blocks(encodings, form.width):
            index.add(rows)
        return index


def _lists(faiss: Any, encodings: npt.NDArray[Any], form: Form, sample: Float32s, seed: int) -> Any:
    centres = centroids(
        _sampled(encodings, _PER_LIST * form.n_lists, form.width, seed),
        form.n_lists,
        seed=seed,
        purpose="coded.lists",
    )
    quantizer = faiss.IndexFlat(form.width, faiss.METRIC_INNER_PRODUCT)
    quantizer.add(centres)
    index = faiss.IndexIVFPQ(quantizer, form.width, form.n_lists, form.width // COLUMNS, 8, faiss.METRIC_INNER_PRODUCT)
    left = sample - centres[nearest_centroids(sample, centres)] if len(sample) else sample
    faiss.copy_array_to_vector(_codebooks(left, seed).ravel(), index.pq.centroids)
    index.is_trained = True
    for start, rows in _blocks(encodings, form.width):
        numbers, positions = nearest_centroids(rows, centres), start + np.arange(len(rows))
        index.add_core(len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(positions), faiss.swig_ptr(numbers))
    index.own_fields = True
    quantizer.this.disown()
    return index


def _codebooks(sample: Float32s, seed: int) -> Float32s:
    """256 centroids of every group of columns, float32 (n_groups, 256, COLUMNS)."""
    groups = np.split(sample, sample.shape[1] // COLUMNS, axis=1)
    return np.stack(
        [
            centroids(np.ascontiguousarray(group), 256, seed=seed, purpose="coded.codes", number=nth)
            for nth, group in enumerate(groups)
        ]
    )


def _sampled(encodings: npt.NDArray[Any], n: int, width: int, seed: int) -> Float32s:
    total = encodings.shape[0]
    chosen: Int64s = np.arange(total)
    if n < total:
        chosen = np.sort(stream(seed, "coded.sample", n).choice(total, n, replace=False))
    return padded(parse_taken(encodings, chosen, _METRIC), width)


def _blocks(encodings: npt.NDArray[Any], width: int) -> Iterator[tuple[int, Float32s]]:
    for start, stop in even_ranges(encodings.shape[0], _ROWS):
        yield start, padded(parse_rows(encodings, start, stop, _METRIC), width)
