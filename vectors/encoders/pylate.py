"""Token vectors from PyLate's ColBERT models and sentence-transformers models, run by torch on the CPU.

A directory that PyLate saved says so in its configuration and is opened with PyLate; any other with
sentence-transformers. (PyLate would open that too, but puts an untrained random projection on top.) Texts run one at a
time, so that a vector does not depend on its batch. The models' own files decide on prefixes, query expansion and which
tokens are skipped; queries of ColBERT models are as long as the model says.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from foundation.errors import InvalidInput, MissingExtra
from vectors.corpus.types import Corpus
from vectors.encoders.encoded import Encoded, left_out
from vectors.encoders.encoder import Encoder, EncoderParams
from vectors.encoders.rows import Float32s, cut_columns, read_model_file, sha256, unit_rows
from vectors.tokens.multivector import MultiVectors

_PYLATE_KEYS = ("query_length", "document_length", "query_prefix", "document_prefix")
EncodeText = Callable[[str, bool], Any]


@final
class PylateEncoder(Encoder):
    """``encode(text, is_query)`` gives one text's vectors, (n_tokens, width)."""

    def __init__(self, encode: EncodeText, identity: dict[str, Any], params: EncoderParams) -> None:
        self._encode_text = encode
        self._params = params
        self._source = str(params.path)
        self._dim = cut_columns(self._checked(encode("a", False)), params.dim, source=self._source).shape[1]
        self._identity = identity | {"dim": self._dim, "normalize": params.normalize is not False}

    @property
    def dim(self) -> int:
        return int(self._dim)

    @property
    def identity(self) -> dict[str, Any]:
        return self._identity

    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        return self._encode(texts, self._params.max_tokens, is_query=False)

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        return self._encode(texts, self._params.max_query_tokens, is_query=True)

    def encode_corpus(self, corpus: Corpus, start: int, stop: int) -> Encoded:
        return self.encode_documents(corpus.texts(start, stop))

    def spellings(self, texts: Sequence[str], *, queries: bool) -> None:  # noqa: ARG002  # its tokens are unknown
        return None

    def _encode(self, texts: Sequence[str], limit: int, *, is_query: bool) -> Encoded:
        empty = np.zeros((0, self._dim), dtype=np.float32)
        rows, dropped = [], []
        for text in texts:
            vectors = self._checked(self._encode_text(text, is_query)) if text.strip() else empty
            dropped.append(max(0, vectors.shape[0] - limit))
            kept = np.ascontiguousarray(vectors[:limit, : self._dim])
            rows.append(kept if self._params.normalize is False else unit_rows(kept))
        joined = MultiVectors.from_list(rows, dim=self._dim)
        return Encoded(vectors=joined, left_out=left_out(len(texts), dropped=dropped))

    def _checked(self, output: Any) -> Float32s:
        vectors = np.asarray(output, dtype=np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            what = f"the model gave an array of shape {list(vectors.shape)}, or values that are not finite"
            raise InvalidInput(source=self._source, what=what, fix="name a model with a vector per token")
        return vectors


def open_pylate(params: EncoderParams) -> PylateEncoder:
    """Open the model directory ``params.path``; raises as `open_encoder`."""
    folder = Path(str(params.path))
    if not folder.is_dir():
        raise InvalidInput(source=str(folder), what="there is no such directory", fix="download the model first")
    library = "pylate" if _is_pylate(folder) else "sentence_transformers"
    if importlib.util.find_spec(library) is None:
        package = library.replace("_", "-")
        raise MissingExtra(feature="an encoder of kind 'pylate'", package=package, extra="torch")
    encode, version = _open_colbert(folder) if library == "pylate" else _open_sentence_transformer(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    identity = {
        "kind": "pylate",
        "model": folder.name,
        library: version,
        "files": {str(path.relative_to(folder)): sha256(read_model_file(path, role="model")) for path in files},
        "max_tokens": params.max_tokens,
        "max_query_tokens": params.max_query_tokens,
    }
    return PylateEncoder(encode, identity, params)


def _is_pylate(folder: Path) -> bool:
    import orjson

    path = folder / "config_sentence_transformers.json"
    if not path.is_file():
        return False
    try:
        config = orjson.loads(read_model_file(path, role="configuration"))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(source=str(path), what=f"this is not JSON ({error})", fix="fetch the model again") from error
    return isinstance(config, dict) and any(key in config for key in _PYLATE_KEYS)


def _open_colbert(folder: Path) -> tuple[EncodeText, str]:
    import pylate
    from pylate import models

    model = models.ColBERT(str(folder), device="cpu", local_files_only=True)

    def encode(text: str, is_query: bool) -> Any:
        return model.encode(
            [text], batch_size=1, is_query=is_query, normalize_embeddings=False, show_progress_bar=False
        )[0]

    return encode, str(getattr(pylate, "__version__", "unknown"))


def _open_sentence_transformer(folder: Path) -> tuple[EncodeText, str]:
    import sentence_transformers

    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def encode(text: str, _is_query: bool) -> Any:
        tokens = model.encode([text], batch_size=1, output_value="token_embeddings", show_progress_bar=False)[0]
        return tokens.float().numpy()

    return encode, str(sentence_transformers.__version__)
