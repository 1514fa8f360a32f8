"""Residual codes of token vectors: the nearest of some centroids, and 2 or 4 bits for each number's way from there.

Source: centroids and residuals as in Santhanam et al., "ColBERTv2", NAACL 2022, arXiv:2112.01488, section 3.3. There
each number falls into one of 2**bits buckets of equally many; here into one of 2**bits equally wide ones about 0, as
wide as suits the dimension, which is nearer for the same bits (docs/maxsim.md) and needs no table to be decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from foundation.kernels.tiles import new_tile
from foundation.seeds import stream
from foundation.threads import even_ranges, run_ranges
from vectors.kernels.packing import nearest_centroids, to_residuals
from vectors.metrics import faiss_threads
from vectors.tokens.multivector import readonly

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

MOST_CENTROIDS = 1 << 16
_LARGEST_DEFAULT = 1 << 12
_ROUNDS = 8  # of k-means; more change the error by less than a hundredth
_FACTORS = {2: np.linspace(0.7, 1.3, 13), 4: np.linspace(0.22, 0.52, 13)}  # about 0.996 and 0.335, best for a Gaussian
_LANES = 32
_ROWS_PER_CALL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualParams:
    """What decides residual codes.

    Attributes
    ----------
    bits : bits for a number's way from its centroid, 2 or 4
    n_centroids : centroids, at most 65536; None takes 4 · √tokens, to a power of two, at most 4096
    sample : tokens per centroid that k-means is trained on
    seed : of the sample and of k-means
    """

    bits: int = 4
    n_centroids: int | None = None
    sample: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bits not in (2, 4):
            raise InvalidParams(name="bits", value=self.bits, allowed="2 or 4")
        if self.n_centroids is not None and not 1 <= self.n_centroids <= MOST_CENTROIDS:
            raise InvalidParams(name="n_centroids", value=self.n_centroids, allowed=f"1 to {MOST_CENTROIDS}, or None")
        if self.sample < 1:
            raise InvalidParams(name="sample", value=self.sample, allowed="1 or more")

    def centroids_for(self, n_tokens: int) -> int:
        """How many centroids ``n_tokens`` get; never more than there are tokens."""
        most = max(1, min(n_tokens, MOST_CENTROIDS))
        if self.n_centroids is not None:
            return min(self.n_centroids, most)
        wanted = 1 << round(float(np.log2(4.0 * np.sqrt(max(1, n_tokens)))))
        return min(wanted, _LARGEST_DEFAULT, most)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codebook:
    """What residual codes mean: number d of a token is ``centroids[c, d] + widths[d] * (code - (2**bits - 1) / 2)``.

    Attributes
    ----------
    centroids : float32, shape (n_centroids, dim)
    widths : float32, shape (dim,), 0 or more
    bits : 2 or 4
    """

    centroids: Float32s
    widths: Float32s
    bits: int

    def __post_init__(self) -> None:
        centroids, widths = self.centroids, self.widths
        good = centroids.ndim == 2 and 1 <= centroids.shape[0] <= MOST_CENTROIDS and widths.shape == centroids.shape[1:]
        if not good or centroids.dtype != np.float32 or widths.dtype != np.float32 or self.bits not in (2, 4):
            what = (
                f"centroids {centroids.dtype} {centroids.shape}, widths {widths.dtype} {widths.shape}, {self.bits} bits"
            )
            raise InvalidInput(source="codebook", what=what, fix="pass float32 (n, dim) and (dim,), and 2 or 4 bits")

    @property
    def dim(self) -> int:
        return int(self.centroids.shape[1])

    @property
    def row_bytes(self) -> int:
        """Bytes of a token's codes: whole words for each part of the row that shares a place in its bytes."""
        return row_bytes(self.dim, self.bits)


def row_bytes(dim: int, bits: int) -> int:
    """Bytes of residual codes a token takes."""
    return 4 * -(-dim * bits // 32)


def sampled_tokens(n_tokens: int, params: ResidualParams) -> Int64s:
    """The tokens to train on, ascending: they depend on the number of tokens alone."""
    wanted = params.sample * params.centroids_for(n_tokens)
    if wanted >= n_tokens:
        return np.arange(n_tokens, dtype=np.int64)
    return np.sort(stream(params.seed, "residuals.sample").choice(n_tokens, wanted, replace=False)).astype(np.int64)


def train_codebook(sample: Float32s, n_centroids: int, params: ResidualParams) -> Codebook:
    """Centroids by k-means on one thread, and the widths with the least squared error among some.

    ``sample`` float32 (n, dim), finite; without a row the only centroid is 0. Equal input gives equal bytes on
    processors of one kind: FAISS's products are not ours.
    """
    n, dim = sample.shape
    if n == 0:
        return Codebook(centroids=np.zeros((1, dim), np.float32), widths=np.zeros(dim, np.float32), bits=params.bits)
    centroids = _k_means(sample, min(n_centroids, n), params.seed)
    book = Codebook(centroids=centroids, widths=np.zeros(dim, np.float32), bits=params.bits)
    apart = (sample - centroids[assign(sample, book)]).astype(np.float64)
    spread, middle, most = np.sqrt(np.mean(apart**2, axis=0)), (2**params.bits - 1) / 2, 2**params.bits - 1
    errors = []
    for factor in _FACTORS[params.bits]:
        width = np.where(spread > 0, factor * spread, 1.0)
        codes = np.clip(np.rint(apart / width + middle), 0, most)
        errors.append(float(np.sum((apart - width * (codes - middle)) ** 2)))
    best = _FACTORS[params.bits][int(np.argmin(errors))]
    return Codebook(centroids=centroids, widths=(best * spread).astype(np.float32), bits=params.bits)


def assign(vectors: Float32s, book: Codebook, n_threads: int = 1) -> npt.NDArray[np.uint16]:
    """The nearest centroid of every row, the first among equals; a row's depends on the row alone."""
    n, dim = book.centroids.shape
    n_blocks = -(-n // _LANES)
    blocks, start = np.zeros((n_blocks, dim, _LANES), np.float32), np.full((n_blocks, _LANES), -np.inf, np.float32)
    padded = np.zeros((n_blocks * _LANES, dim), dtype=np.float32)
    padded[:n] = book.centroids
    blocks[:] = padded.reshape(n_blocks, _LANES, dim).transpose(0, 2, 1)
    start.reshape(-1)[:n] = -0.5 * np.einsum("ij,ij->i", book.centroids, book.centroids, dtype=np.float64)
    out = np.zeros(vectors.shape[0], dtype=np.uint16)
    tile = new_tile("float32", _LANES, vectors=True)
    rows, columns, begin = readonly(vectors), readonly(blocks), readonly(start)

    def work(first: int, last: int) -> None:
        products = np.empty((tile.n_rows, _LANES), dtype=np.float32)
        nearest_centroids(tile, rows[first:last], columns, begin, products, out[first:last])

    run_ranges(work, even_ranges(vectors.shape[0], _ROWS_PER_CALL), n_threads)
    return out


def encode(
    vectors: Float32s, book: Codebook, n_threads: int = 1
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Centroid (n,) and codes (n, `row_bytes`) of every row; a row's depend on the row alone."""
    chosen = assign(vectors, book, n_threads)
    codes = np.zeros((vectors.shape[0], book.row_bytes), dtype=np.uint8)
    rows, picked = readonly(vectors), readonly(chosen)
    centroids, widths = readonly(book.centroids), readonly(book.widths)

    def work(first: int, last: int) -> None:
        to_residuals(rows[first:last], picked[first:last], centroids, widths, book.bits, codes[first:last])

    run_ranges(work, even_ranges(vectors.shape[0], _ROWS_PER_CALL), n_threads)
    return chosen, codes


def _k_means(sample: Float32s, n_centroids: int, seed: int) -> Float32s:
    with faiss_threads(1) as faiss:
        clustering = faiss.Kmeans(
            sample.shape[1],
            n_centroids,
            niter=_ROUNDS,
            seed=int(stream(seed, "residuals.k-means").integers(1 << 31)),
            min_points_per_centroid=1,
            max_points_per_centroid=sample.shape[0],  # all that was sampled
        )
        clustering.train(np.ascontiguousarray(sample))
    return np.ascontiguousarray(clustering.centroids, dtype=np.float32)
