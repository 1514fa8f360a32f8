"""Which format a file is in, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from foundation.errors import InvalidInput
from foundation.sources import plain_suffix
from graph.readers.params import Format, ReadParams

TEXT = ("edges", "csv", "tsv")
MATRICES = ("matrix_market", "mat", "npz")
_BY_SUFFIX: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".mtx": "matrix_market",
    ".mm": "matrix_market",
    ".mat": "mat",
    ".npz": "npz",
}
# Formats that are plainly something else; any other name is taken for text.
_NOT_READ = {
    ".gml": "networkx.read_gml",
    ".graphml": "networkx.read_graphml",
    ".gexf": "networkx.read_gexf",
    ".net": "networkx.read_pajek",
    ".adjlist": "networkx.read_adjlist",
    ".graph6": "networkx.read_graph6",
    ".json": "networkx.node_link_graph",
    ".jsonl": "",
    ".ndjson": "",
    ".xlsx": "",
    ".xls": "",
    ".npy": "",
    ".pkl": "",
    ".pickle": "",
    ".h5": "",
    ".hdf5": "",
    ".arrow": "",
    ".feather": "",
    ".avro": "",
    ".orc": "",
    ".zip": "",
    ".tar": "",
    ".tgz": "",
    ".7z": "",
    ".xz": "",
    ".pdf": "",
}


def format_of(source: str | Path, asked: Format) -> Format:
    """The format asked for, or the one the name says.

    Raises
    ------
    InvalidInput
        For a name that says a format which is not read.
    """
    if asked != "auto":
        return asked
    suffix = plain_suffix(source)
    if suffix in _NOT_READ:
        known = ", ".join(word for word in get_args(Format) if word != "auto")
        other = _NOT_READ[suffix]
        fix = f"convert it to one of {known}" + (f", or pass what {other} gives" if other else "")
        raise InvalidInput(source=str(source), what=f"{suffix} is not a format read here", fix=f"{fix}; or set format")
    return _BY_SUFFIX.get(suffix, "edges")


def is_table(source: object, params: ReadParams) -> bool:
    """Whether edges come as columns of numbers, not as text to be parsed."""
    if not isinstance(source, str | Path):
        return True
    return format_of(source, params.format) not in TEXT
