"""What an encoder is made of, found without opening it: its files, the libraries that read them, and its code."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vectors.encoders.encoder import EncoderParams
from vectors.encoders.tables import directory_files, wordllama_files

_LIBRARIES = {
    "static": ("tokenizers",),
    "onnx": ("onnxruntime", "tokenizers"),
    "pylate": ("pylate", "sentence-transformers", "torch"),
    "precomputed": (),
}


def encoder_files(params: EncoderParams) -> list[Path]:
    """The local files that the encoder reads, whether or not they are there; none for vectors the user made.

    Raises
    ------
    InvalidInput
        When a directory does not say which of its files are meant.
    """
    if params.kind == "static":
        return list(wordllama_files() if params.path is None else directory_files(Path(params.path)))
    path = Path(str(params.path))
    if params.kind == "onnx":
        weights = [path.with_name(f"{path.name}_data"), path.with_name(f"{path.name}.data")]
        tokenizer = path.parent / "tokenizer.json" if params.tokenizer is None else Path(params.tokenizer)
        return [path, tokenizer, *(file for file in weights if file.is_file())]
    return sorted(file for file in path.rglob("*") if file.is_file()) if params.kind == "pylate" else []


def encoder_libraries(params: EncoderParams) -> dict[str, str | None]:
    """Installed versions of what reads those files; None for what is not installed."""
    return {name: _version(name) for name in _LIBRARIES[params.kind]}


def encoder_code() -> str:
    """SHA-256 of this package's own source: another program may see another identity in the same files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
