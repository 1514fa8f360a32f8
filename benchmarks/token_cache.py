"""Token vectors and scores of judged collections, worked out once and kept on disk outside the repository.

A transformer reads a few documents a second, and MaxSim of all pairs takes minutes: what was made is kept under
``PURLIEU_BENCH_CACHE`` (default: a folder ``purlieu-bench`` among the system's temporary files), named by the encoder's
identity and the texts, or by the vectors. An encoding that was broken off goes on where it stopped. Delete the folder
to encode again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from foundation.threads import even_ranges
from vectors.encoders.encoded import Encoded
from vectors.encoders.encoder import Encoder
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors

_TEXTS_AT_ONCE = 256


def cached_documents(encoder: Encoder, texts: Sequence[str]) -> MultiVectors:
    """Plain token vectors of documents; what is there already is read, memory-mapped."""
    return _cached(encoder, texts, "documents", encoder.encode_documents)


def cached_queries(encoder: Encoder, texts: Sequence[str]) -> MultiVectors:
    """Plain token vectors of queries; what is there already is read, memory-mapped."""
    return _cached(encoder, texts, "queries", encoder.encode_queries)


def cached_scores(documents: MultiVectors, queries: MultiVectors, n_threads: int = 1) -> npt.NDArray[np.float32]:
    """Exact MaxSim of all pairs, float32 (n_queries, n_docs)."""
    digest = hashlib.sha256(b"exact MaxSim")
    for sets in (documents, queries):
        for array in (sets.offsets, sets.vectors, sets.codes):
            digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    path = _base() / f"scores-{digest.hexdigest()[:16]}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        everything = np.arange(documents.n_docs)[None]
        rows = [maxsim(queries.slice(q, q + 1), documents, everything, n_threads) for q in range(queries.n_docs)]
        np.save(path, np.concatenate(rows))
    return np.asarray(np.load(path))


def _cached(
    encoder: Encoder, texts: Sequence[str], kind: str, encode: Callable[[Sequence[str]], Encoded]
) -> MultiVectors:
    folder = _folder(encoder, texts, kind)
    vectors_path, offsets_path = folder / "vectors.npy", folder / "offsets.npy"
    if not offsets_path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        parts = [folder / f"{start:08d}" for start, _ in even_ranges(len(texts), _TEXTS_AT_ONCE)]
        for part, (start, stop) in zip(parts, even_ranges(len(texts), _TEXTS_AT_ONCE), strict=True):
            if not part.with_suffix(".sizes.npy").is_file():
                encoded = encode(texts[start:stop]).vectors
                np.save(part.with_suffix(".vectors.npy"), encoded.vectors)
                np.save(part.with_suffix(".sizes.npy"), np.diff(encoded.offsets))
        sizes = np.concatenate([np.load(part.with_suffix(".sizes.npy")) for part in parts])
        np.save(vectors_path, np.concatenate([np.load(part.with_suffix(".vectors.npy")) for part in parts]))
        np.save(offsets_path, np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))))
        for part in parts:
            part.with_suffix(".vectors.npy").unlink()
            part.with_suffix(".sizes.npy").unlink()
    vectors = np.load(vectors_path, mmap_mode="r")
    return MultiVectors(vectors=np.asarray(vectors), offsets=np.load(offsets_path))


def _folder(encoder: Encoder, texts: Sequence[str], kind: str) -> Path:
    digest = hashlib.sha256(json.dumps([kind, encoder.identity], sort_keys=True).encode())
    for text in texts:
        digest.update(len(text).to_bytes(8, "little") + text.encode())
    return _base() / f"{kind}-{digest.hexdigest()[:16]}"


def _base() -> Path:
    return Path(os.environ.get("PURLIEU_BENCH_CACHE", str(Path(tempfile.gettempdir()) / "purlieu-bench")))
