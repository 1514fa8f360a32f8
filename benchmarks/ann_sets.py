"""Vectors to search in, and queries that are not among them.

Those of the Debian archive are made from the data that ship, in half a minute, or read from a built store where
PURLIEU_ANN_STORE names its folder.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.ann_store import asked_store, stored_embedding, stored_encodings

Float32s = npt.NDArray[np.float32]
Pair = tuple[Float32s, Float32s]

_FASHION: Final = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist
_SIFT: Final = "shared/data/vectors/sift-dataset-5k.tsv.gz"  # in a folder above the project's


def fashion_mnist() -> Pair:
    """60,000 × 784 pixels and 10,000 queries, as in ann-benchmarks; the first 2,000 are asked."""
    train, test = (_images(_FASHION / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
    return train, test[:2000]


def _images(path: Path) -> Float32s:
    """The header is four big-endian words: a magic number, images, rows, columns."""
    content = gzip.decompress(path.read_bytes())
    _, n, height, width = np.frombuffer(content, dtype=">u4", count=4)
    pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(int(n), int(height * width))
    return pixels.astype(np.float32)


def sift() -> Pair:
    """4,500 × 128 descriptors and 500 queries: a sample, small enough that a scan is hard to beat."""
    above = Path(__file__).resolve().parents[2:4]
    path = next((folder / _SIFT for folder in above if (folder / _SIFT).exists()), above[0] / _SIFT)
    with gzip.open(path, "rt") as lines:
        rows = np.loadtxt(lines, usecols=range(128), dtype=np.float32)
    order = np.random.default_rng(0).permutation(len(rows))
    return rows[order[:-500]], rows[order[-500:]]


def packages() -> Pair:
    """FastRP embeddings of the Debian archive, 256 values, of length one; 1,000 of the rows are taken out and asked."""
    from benchmarks.bench_ann import embedding, unit_rows

    store = asked_store()
    rows = unit_rows(embedding() if store is None else stored_embedding(store))
    asked = np.random.default_rng(1).choice(len(rows), 1000, replace=False)
    return np.delete(rows, asked, axis=0), rows[asked]


def clusters(n: int = 1_000_000, dim: int = 96) -> Pair:
    """Gaussian clusters of unequal size, a fifth of noise, a falling spectrum; a thousand queries of the same law."""
    draw = np.random.default_rng(0)
    n_clusters = 20_000
    spread = (np.arange(1, dim + 1) ** -0.45).astype(np.float32)
    centres = draw.standard_normal((n_clusters, dim), dtype=np.float32) * spread
    sizes = np.arange(1, n_clusters + 1) ** -0.7
    of = draw.choice(n_clusters, n + 1000, p=sizes / sizes.sum())
    rows = centres[of] + 0.35 * spread * draw.standard_normal((n + 1000, dim), dtype=np.float32)
    noise = draw.random(n + 1000) < 0.2
    rows[noise] = spread * draw.standard_normal((int(noise.sum()), dim), dtype=np.float32)
    return rows[:n], rows[n:]


def encodings() -> Pair:
    """Encodings (MUVERA), 1,088 values, of the Debian packages' descriptions, and of 500 titles as questions."""
    store = asked_store()
    if store is not None:
        return stored_encodings(store, 500)
    from benchmarks.debian_tokens import debian
    from vectors.encoders.encoder import EncoderParams
    from vectors.fde.encode import FDEParams, encode_documents, encode_queries

    params = FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False)
    collection = debian(EncoderParams(dim=64, max_tokens=96), with_title=False, n_queries=500)
    return encode_documents(collection.documents, params), encode_queries(collection.queries, params)


SETS: Final[dict[str, Callable[..., Any]]] = {
    "fashion-mnist": fashion_mnist,
    "packages": packages,
    "sift": sift,
    "encodings": encodings,
    "clusters": clusters,
}
INNER_PRODUCT: Final = ("encodings",)  # compared so, the others by Euclidean distance
