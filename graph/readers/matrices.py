"""Sparse matrices in files: Matrix Market, MATLAB and SciPy's .npz."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foundation.errors import InvalidInput
from foundation.sources import open_source

if TYPE_CHECKING:
    import scipy.sparse

# Names under which well-known collections keep their graph.
_MAT_NAMES = ("network", "Problem", "A")


def read_matrix(source: str | Path, format: str) -> scipy.sparse.coo_array:
    """The adjacency matrix in a file, as it is stored.

    Raises
    ------
    InvalidInput
        When the bytes are no such file, or hold no sparse matrix, or several.
    """
    name = str(source)
    with open_source(source) as stream:
        data = io.BytesIO(stream.read())
    if not data.getbuffer().nbytes:
        raise InvalidInput(source=name, what="it is empty", fix="write a matrix into it")
    readers = {"matrix_market": _read_market, "mat": _read_mat, "npz": _read_npz}
    return readers[format](data, name)


def _read_market(data: io.BytesIO, name: str) -> scipy.sparse.coo_array:
    import scipy.io
    import scipy.sparse

    try:
        matrix = scipy.io.mmread(data, spmatrix=False)
    except (ValueError, OverflowError) as error:
        found = re.match(r"Line (\d+): (.*)", str(error))
        line, what = (int(found[1]), found[2]) if found else (None, str(error))
        fix = "check the file, or set format to what it is"
        raise InvalidInput(source=name, what=f"it is no Matrix Market file: {what}", fix=fix, line=line) from error
    if not scipy.sparse.issparse(matrix):
        raise InvalidInput(source=name, what="its matrix is dense", fix="write it in the coordinate format")
    return matrix


def _read_mat(data: io.BytesIO, name: str) -> scipy.sparse.coo_array:
    import scipy.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of objects in the file that are not the matrix
            variables = scipy.io.loadmat(data, spmatrix=False)
    except NotImplementedError as error:  # what SciPy raises for the HDF5 layout
        raise InvalidInput(source=name, what="it is MATLAB 7.3 (HDF5)", fix="save it again with -v7") from error
    except Exception as error:  # the parser raises whatever the bytes lead it to
        fix = "check the file, or set format to what it is"
        raise InvalidInput(source=name, what=f"it is no MATLAB file: {error}", fix=fix) from error
    return _only_sparse({key: _inside(value) for key, value in variables.items()}, name)


def _inside(value: Any) -> Any:
    """What ``Problem.A`` is of the struct ``Problem``; anything else is itself."""
    if isinstance(value, np.ndarray) and value.dtype.names and "A" in value.dtype.names and value.size == 1:
        return value["A"].ravel()[0]
    return value


def _only_sparse(variables: Mapping[str, Any], name: str) -> scipy.sparse.coo_array:
    import scipy.sparse

    sparse = {key: value for key, value in variables.items() if scipy.sparse.issparse(value)}
    known = [key for key in _MAT_NAMES if key in sparse]
    key = known[0] if known else next(iter(sparse), None)
    if key is None:
        found = ", ".join(key for key in variables if not key.startswith("__")) or "nothing"
        fix = "save the adjacency matrix as sparse, under the name network"
        raise InvalidInput(source=name, what=f"no sparse matrix among: {found}", fix=fix)
    if not known and len(sparse) > 1:
        what = f"several sparse matrices: {', '.join(sparse)}"
        raise InvalidInput(source=name, what=what, fix="name the graph's network")
    return scipy.sparse.coo_array(sparse[key])


def _read_npz(data: io.BytesIO, name: str) -> scipy.sparse.coo_array:
    import scipy.sparse

    fix = "write it with scipy.sparse.save_npz"
    try:
        with np.load(data, allow_pickle=False) as arrays:
            if not hasattr(arrays, "files"):
                raise InvalidInput(source=name, what="it is one array, not an .npz", fix=fix)
            keys = set(arrays.files)
            if {"format", "shape", "data"} <= keys:
                data.seek(0)
                return scipy.sparse.coo_array(scipy.sparse.load_npz(data))
            if {"adj_data", "adj_indices", "adj_indptr", "adj_shape"} <= keys:
                parts = tuple(arrays[f"adj_{part}"] for part in ("data", "indices", "indptr"))
                return scipy.sparse.coo_array(scipy.sparse.csr_array(parts, shape=tuple(arrays["adj_shape"])))
            if {"src", "dst"} <= keys:
                src, dst = arrays["src"], arrays["dst"]
                n = int(arrays["n"]) if "n" in keys else int(max(src.max(initial=-1), dst.max(initial=-1))) + 1
                weights = arrays["weight"] if "weight" in keys else np.ones(src.size, dtype=np.float32)
                return scipy.sparse.coo_array((weights, (src, dst)), shape=(n, n))
    except (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(source=name, what=f"it is no readable .npz of a graph: {error}", fix=fix) from error
    raise InvalidInput(source=name, what=f"no sparse matrix among: {', '.join(sorted(keys))}", fix=fix)
