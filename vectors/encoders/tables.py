"""Tables of static token vectors: where they lie, and how they are read.

Two sources: the table shipped in the ``wordllama`` package (github.com/dleemiller/WordLlama, 32,000 × 256, trained so
that its first 64 or 128 numbers work alone), and a directory in model2vec's layout (``tokenizer.json`` and one
``.safetensors`` with a table, perhaps a weight per token and a mapping from tokens to rows).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from foundation.errors import InvalidInput
from vectors.encoders.rows import Float32s

_WORDLLAMA_TABLE = Path("weights") / "l2_supercat_256.safetensors"
_WORDLLAMA_TOKENIZER = Path("tokenizers") / "l2_supercat_tokenizer_config.json"


def wordllama_files() -> tuple[Path, Path]:
    spec = importlib.util.find_spec("wordllama")  # importing it would configure logging for the whole process
    if spec is None or spec.origin is None:
        raise InvalidInput(
            source="wordllama", what="the package with the default table is not installed", fix="pip install wordllama"
        )
    folder = Path(spec.origin).parent
    return folder / _WORDLLAMA_TOKENIZER, folder / _WORDLLAMA_TABLE


def directory_files(folder: Path) -> tuple[Path, Path]:
    if not folder.is_dir():
        what = "this is no directory" if folder.exists() else "there is no such directory"
        raise InvalidInput(source=str(folder), what=what, fix="name a directory with tokenizer.json and .safetensors")
    tables = sorted(folder.glob("*.safetensors"))
    if len(tables) != 1:
        what = f"there are {len(tables)} .safetensors files"
        raise InvalidInput(source=str(folder), what=what, fix="leave exactly one, the table")
    return folder / "tokenizer.json", tables[0]


def read_table(data: bytes, path: Path) -> Float32s:
    """float32 (n_ids, dim) out of a safetensors file, weights and mapping applied when it has them."""
    import safetensors
    import safetensors.numpy

    try:
        tensors = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidInput(
            source=str(path), what=f"this cannot be read as safetensors ({reason})", fix="fetch it again"
        ) from error
    weights, mapping = tensors.pop("weights", None), tensors.pop("mapping", None)
    found = [f"{name} {tensor.dtype}{list(tensor.shape)}" for name, tensor in tensors.items()]
    table = next(iter(tensors.values())) if len(tensors) == 1 else None
    if table is None or table.ndim != 2 or table.dtype.kind not in "fi" or 0 in table.shape:
        what = f"a table is one tensor of rank 2, this holds {', '.join(found) or 'none'}"
        raise InvalidInput(source=str(path), what=what, fix="name the directory of a static model")
    rows: Float32s = table.astype(np.float32)
    if mapping is not None:
        if mapping.ndim != 1 or mapping.dtype.kind not in "iu" or mapping.min() < 0 or mapping.max() >= rows.shape[0]:
            raise InvalidInput(source=str(path), what="its mapping names rows that are not there", fix="fetch it again")
        rows = rows[mapping]
    if weights is not None:
        if weights.shape != (rows.shape[0],):
            what = f"it has {rows.shape[0]} tokens and weights of shape {list(weights.shape)}"
            raise InvalidInput(source=str(path), what=what, fix="fetch it again")
        rows = rows * weights.astype(np.float32)[:, None]
    if not np.isfinite(rows).all():
        raise InvalidInput(source=str(path), what="the table holds a value that is not finite", fix="fetch it again")
    return rows
