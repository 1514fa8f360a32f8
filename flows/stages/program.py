"""Which program this is: the code of the rooms and the libraries that decide the bytes."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOMS = ("foundation", "graph", "vectors", "clustering", "artifacts", "flows/stages")
LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "llvmlite",
    "faiss-cpu",
    "polars",
    "tokenizers",
    "wordllama",
    "onnxruntime",
    "PyStemmer",
)


@functools.cache
def program() -> dict[str, str]:
    """Versions by name; ``code`` is a digest of the rooms' source files. Equal programs give equal bytes."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "code": digest.hexdigest()[:16],
    }


@functools.cache
def program_digest() -> str:
    """One short text for all of it."""
    return hashlib.sha256(repr(sorted(program().items())).encode()).hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
