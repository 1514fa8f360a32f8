"""Fixed dimensional encodings point by point in float64, as the C++ reference writes them (google/graph-mining,
`fixed_dimensional_encoding.cc`): a transcription of its steps, for any matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import hadamard

Float64s = npt.NDArray[np.float64]


def append_to_gray_code(code: int, bit: bool) -> int:
    """One more sign; the code so far shifts left."""
    return (code << 1) + (int(bit) ^ (code & 1))


def signs_of_code(code: int) -> int:
    """The sign string, first projection most significant, whose code this is."""
    return code ^ (code >> 1)


def partition_of(products: Float64s) -> int:
    code = 0
    for value in products:
        code = append_to_gray_code(code, value > 0)
    return code


def distance_to_partition(products: Float64s, partition: int) -> int:
    """Number of signs of a point that differ from those of a partition."""
    signs, distance = signs_of_code(partition), 0
    for value in products[::-1]:
        distance += int(value > 0) != (signs & 1)
        signs >>= 1
    return distance


def encode(
    points: Float64s,
    simhash: Float64s,
    projection: Float64s | None,
    *,
    is_document: bool,
    fill_empty: bool,
    final_slots: npt.NDArray[np.int64] | None = None,
    final_signs: Float64s | None = None,
    d_final: int | None = None,
) -> Float64s:
    """One encoding of ``points`` (n, dim); ``simhash`` (R, dim, k), ``projection`` (R, dim, d_proj) or None."""
    n_repetitions, dim, k_sim = simhash.shape
    width = dim if projection is None else projection.shape[2]
    blocks = np.zeros((n_repetitions, 2**k_sim, width))
    for repetition in range(n_repetitions):
        products = points @ simhash[repetition]
        projected = points if projection is None else points @ projection[repetition]
        sizes = np.zeros(2**k_sim, dtype=np.int64)
        for point in range(len(points)):
            partition = partition_of(products[point])
            blocks[repetition, partition] += projected[point]
            sizes[partition] += 1
        if not is_document:
            continue
        for partition in range(2**k_sim):
            if sizes[partition] > 0:
                blocks[repetition, partition] /= sizes[partition]
            elif fill_empty and k_sim > 0 and len(points):
                nearest, least = 0, k_sim + 1
                for point in range(len(points)):
                    distance = distance_to_partition(products[point], partition)
                    if distance < least:
                        nearest, least = point, distance
                blocks[repetition, partition] = projected[nearest]
    full = blocks.reshape(-1)
    if final_slots is None or final_signs is None or d_final is None:
        return full
    out = np.zeros(d_final)
    for coordinate in range(full.size):
        out[final_slots[coordinate]] += final_signs[coordinate] * full[coordinate]
    return out


def dense_normals(rotation: Float64s, bit_signs: Float64s, head: int, n_repetitions: int, k_sim: int) -> Float64s:
    """Hyperplanes (R, head, k) of two rounds of signed Hadamard transforms, as a matrix product writes them."""
    rotated = rotation[:, None] * hadamard(rotation.size)  # of a row from the left
    outputs = [rotated @ (signs[:, None] * hadamard(rotation.size)) for signs in bit_signs]
    every = np.concatenate([*outputs, np.zeros((rotation.size, 0))], axis=1)[:head, : n_repetitions * k_sim]
    return np.moveaxis(every.reshape(head, k_sim, n_repetitions), 2, 0)


def dense_projections(rotation: Float64s, column_signs: Float64s, head: int, n_repetitions: int) -> Float64s:
    """Projections (R, head, d_proj) of transformed columns of a rotated row, as a matrix product writes them."""
    size, (n_groups, n_rows, d_proj) = rotation.size, column_signs.shape
    rotated = rotation[:, None] * hadamard(size) / np.sqrt(size)
    layout = np.zeros((size, n_rows, d_proj))
    layout.reshape(size, -1)[:, :size] = rotated
    projections = [np.einsum("xic,ic,ij->jxc", layout, signs, hadamard(n_rows)) for signs in column_signs]
    return np.concatenate(projections)[:n_repetitions, :head] if n_groups else np.zeros((0, head, d_proj))
