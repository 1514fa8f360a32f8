"""FAISS's inverted lists on disk, memory-mapped: floats, or 8-bit codes with the rerank that SPANN has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.spann_curves import Curve, cpu_seconds
from benchmarks.spann_sets import Case, K
from vectors.kernels.spann_rerank import compare_rows
from vectors.spann.postings import PAGE

PEERS = (("IVF-Flat on disk", "flat", None), ("IVF-SQ8 on disk, rerank 40", "sq8", 40))
_PROBES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_TRAINED = 64  # rows for each centroid
_STEPS = 10


def widest_faiss() -> Any:
    """FAISS with the widest instructions of this machine and one thread; our own code holds it to AVX2."""
    import faiss

    for name in ("AVX512_SPR", "AVX512", "AVX2"):
        level = getattr(faiss, f"SIMDLevel_{name}", None)
        if level is not None and faiss.SIMDConfig.is_simd_level_available(level):
            faiss.SIMDConfig.set_level(level)
            break
    faiss.omp_set_num_threads(1)
    return faiss


def build_peers(case: Case, n_lists: int) -> dict[str, float]:
    """Write those that are not there yet, on one training; CPU seconds of each, of what both need in the first."""
    faiss = widest_faiss()
    dim, seconds = case.vectors.shape[1], {}
    missing = [kind for _, kind, _ in PEERS if not _path(case, kind).exists()]
    if not missing:
        return {}
    centroids = case.folder / "ivf.centroids.npy"
    quantizer = faiss.IndexFlatL2(dim)
    spent = 0.0
    if not centroids.exists():
        clustering = faiss.Clustering(dim, n_lists)
        clustering.niter = _STEPS
        rows = np.ascontiguousarray(case.vectors[:: max(1, len(case.vectors) // (_TRAINED * n_lists))])
        _, spent = cpu_seconds(lambda: clustering.train(rows, quantizer))
        np.save(centroids, faiss.vector_float_to_array(clustering.centroids).reshape(n_lists, dim))
    quantizer.reset()
    quantizer.add(np.load(centroids))
    for kind in missing:
        index = (
            faiss.IndexIVFFlat(quantizer, dim, n_lists)
            if kind == "flat"
            else faiss.IndexIVFScalarQuantizer(quantizer, dim, n_lists, faiss.ScalarQuantizer.QT_8bit)
        )
        index.quantizer_trains_alone = "\x00"
        _, seconds[kind] = cpu_seconds(lambda index=index: _fill(index, case.vectors))  # type: ignore[misc]
        seconds[kind] += spent
        spent = 0.0
        lists = faiss.OnDiskInvertedLists(n_lists, index.code_size, str(_path(case, kind).with_suffix(".ivfdata")))
        in_memory = faiss.InvertedListsPtrVector()
        in_memory.push_back(index.invlists)
        lists.merge_from_multiple(in_memory.data(), in_memory.size())
        index.replace_invlists(lists)
        faiss.write_index(index, str(_path(case, kind)))
    return seconds


def peer_curve(name: str, kind: str, rerank: int | None, case: Case, enough: float) -> Curve:
    """More and more lists until ``enough`` recall."""
    faiss = widest_faiss()
    index = faiss.read_index(str(_path(case, kind)), faiss.IO_FLAG_ONDISK_SAME_DIR)
    sizes = np.array([index.invlists.list_size(i) for i in range(index.nlist)])
    curve = Curve(name, case)
    queries = case.queries
    for n_probe in _PROBES:
        if n_probe > index.nlist:
            break
        index.nprobe = n_probe
        probed = sizes[index.quantizer.search(queries, n_probe)[1]]
        pages = -(-probed * index.code_size // PAGE) + -(-probed * 8 // PAGE)

        def search() -> npt.NDArray[np.int64]:
            found: npt.NDArray[np.int64] = index.search(queries, rerank or K)[1]
            return found if rerank is None else reranked(case, found)

        more = float(pages.sum(axis=1).mean()) + (0 if rerank is None else rerank)
        if curve.add(f"nprobe {n_probe}", search, float(probed.sum(axis=1).mean()), more) >= enough:
            break
    return curve


def reranked(case: Case, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """By the loop that SPANN compares its candidates with."""
    rows = np.empty((len(found), K), dtype=np.int32)
    values = np.empty(rows.shape, dtype=np.float32)
    compare_rows(case.queries, 0, len(found), case.vectors, found, found.astype(np.int32), True, rows, values)
    return rows.astype(np.int64)


def _fill(index: Any, vectors: npt.NDArray[np.float32]) -> None:
    index.train(np.ascontiguousarray(vectors[:: max(1, len(vectors) // 50_000)]))
    for start in range(0, len(vectors), 1 << 16):
        index.add(np.ascontiguousarray(vectors[start : start + (1 << 16)]))


def _path(case: Case, kind: str) -> Path:
    return case.folder / f"ivf.{kind}.faiss"
