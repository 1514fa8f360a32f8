"""Token encoders: texts in, one set of token vectors per text out.

Every encoder keeps two promises. The vectors of a text depend on that text alone, so encoding a corpus range by range,
in any batches and on any number of threads gives equal bytes. And nothing is fetched: models are read from local files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams
from vectors.corpus.types import Corpus
from vectors.encoders.encoded import Encoded

__all__ = ["Encoded", "Encoder", "EncoderParams", "open_encoder"]

_ALLOWED_FOR = {
    "path": ("static", "onnx", "pylate", "precomputed"),
    "tokenizer": ("onnx",),
    "output": ("onnx",),
    "special_tokens": ("onnx",),
    "column": ("precomputed",),
    "lowercase": ("static",),
    "min_norm": ("static",),
    "distinct": ("static",),
    "pooled_weight": ("static",),
    "query_weights": ("static",),
    "normalize": ("onnx", "pylate", "precomputed"),
    "max_tokens": ("static", "onnx", "pylate"),
    "max_query_tokens": ("static", "onnx", "pylate"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderParams:
    """Which encoder, and everything that decides its vectors; an option its kind does not read is refused.

    Attributes
    ----------
    kind : "static", a table with one vector per token of a vocabulary; "onnx", a transformer in ONNX; "pylate", a
        PyLate or sentence-transformers model; "precomputed", vectors the user made
    path : static: directory with ``tokenizer.json`` and one ``.safetensors``, None for the table that comes with
        wordllama. onnx: the model file. pylate: the model's directory. precomputed: ``.npz``, Parquet or JSON lines,
        None for the corpus's own vectors column
    tokenizer : onnx: its ``tokenizer.json``; None looks beside the model
    output : onnx: name of the output to read; None takes the first float one of rank 3
    special_tokens : onnx: keep the vectors of tokens such as [CLS] and [SEP]
    column : precomputed: field of a Parquet or JSON lines file
    dim : keep the first ``dim`` numbers of each vector, which suits models trained for it (Matryoshka); None keeps all
    normalize : scale vectors to length 1; None does so for models and leaves precomputed vectors as they are. A static
        table's rows always have length 1
    max_tokens, max_query_tokens : tokens kept of a document and of a query, special ones included where the model
        sees them; the rest is dropped and counted
    lowercase : static: lower the case of every text before it is cut into tokens
    min_norm : static: leave out tokens whose row in the table is no longer than this (stop words, punctuation), unless
        a text has no other; None is 5.0 for wordllama's table, where that length tells them apart, and 0.0 for others
    distinct : static: keep each token of a document once; repeats change no MaxSim score
    pooled_weight : static: also give each text one vector for its whole, which counts in a score as much as this share
        of all query tokens together; 0.0 leaves it out. With it vectors are twice as wide: tokens fill the first half,
        the whole text the second
    query_weights : static: the say of a query token. "norm": the length of its row in the table, which is longer for
        more telling tokens; "idf": its rarity among the documents; "norm_idf": their product; "unit": all the same
    """

    kind: Literal["static", "onnx", "pylate", "precomputed"] = "static"
    path: str | None = None
    tokenizer: str | None = None
    output: str | None = None
    special_tokens: bool = False
    column: str = "vectors"
    dim: int | None = None
    normalize: bool | None = None
    max_tokens: int = 256
    max_query_tokens: int = 64
    lowercase: bool = True
    min_norm: float | None = None
    distinct: bool = True
    pooled_weight: float = 0.5
    query_weights: Literal["unit", "norm", "idf", "norm_idf"] = "norm_idf"

    @property
    def reads_text(self) -> bool:
        """Whether a document's vectors depend on its text alone; those the user made lie elsewhere."""
        return self.kind != "precomputed"

    def __post_init__(self) -> None:
        if self.kind not in _ALLOWED_FOR["path"]:
            raise InvalidParams(name="kind", value=self.kind, allowed="'static', 'onnx', 'pylate' or 'precomputed'")
        if self.query_weights not in ("unit", "norm", "idf", "norm_idf"):
            allowed = "'unit', 'norm', 'idf' or 'norm_idf'"
            raise InvalidParams(name="query_weights", value=self.query_weights, allowed=allowed)
        if not 0.0 <= self.pooled_weight < float("inf"):
            raise InvalidParams(name="pooled_weight", value=self.pooled_weight, allowed="0 or more, finite")
        if self.min_norm is not None and not 0.0 <= self.min_norm < float("inf"):
            raise InvalidParams(name="min_norm", value=self.min_norm, allowed="0 or more, finite, or None")
        for name, value in (("max_tokens", self.max_tokens), ("max_query_tokens", self.max_query_tokens)):
            if value < 1:
                raise InvalidParams(name=name, value=value, allowed="1 or more")
        if self.dim is not None and self.dim < 1:
            raise InvalidParams(name="dim", value=self.dim, allowed="1 or more, or None for all")
        if self.path is None and self.kind in ("onnx", "pylate"):
            raise InvalidParams(name="path", value=None, allowed=f"a local path, for kind = {self.kind!r}")
        for field in fields(self):
            kinds = _ALLOWED_FOR.get(field.name)
            value = getattr(self, field.name)
            if kinds is not None and self.kind not in kinds and value != field.default:
                allowed = f"only with kind = {' or '.join(repr(kind) for kind in kinds)}"
                raise InvalidParams(name=field.name, value=value, allowed=allowed)


class Encoder(ABC):
    """A token encoder, opened. Safe to call from several threads."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of its vectors."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What decides the vectors, JSON-able: kind, options, the SHA-256 of each model file, library versions."""

    @abstractmethod
    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        """Vectors of documents' texts."""

    @abstractmethod
    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        """Vectors of queries' texts, always plain (not coded)."""

    @abstractmethod
    def encode_corpus(self, corpus: Corpus, start: int, stop: int) -> Encoded:
        """Vectors of documents ``start:stop`` of a corpus."""

    @abstractmethod
    def spellings(self, texts: Sequence[str], *, queries: bool) -> Sequence[Sequence[str | None]] | None:
        """What each vector of each text stands for, as the text has it: of queries' texts, or of documents'.

        None beside a vector that stands for the whole text; None for all where the encoder cannot tell.
        """


def open_encoder(
    params: EncoderParams,
    *,
    idf: npt.NDArray[np.float32] | None = None,
    corpus: Corpus | None = None,
    n_threads: int = 1,
) -> Encoder:
    """Open the encoder that ``params`` describe.

    Parameters
    ----------
    idf
        float32 (n_ids,), rarity of each token among the documents (`vectors.encoders.static.token_idf`); needed only to
        encode queries, only with ``query_weights`` "idf" or "norm_idf".
    corpus
        The documents that precomputed vectors belong to; other kinds do not look at it.
    n_threads
        Texts that "static" and "onnx" work on at a time.

    Raises
    ------
    InvalidInput
        When a file is absent or is not what it should be, or ``idf`` belongs to another table.
    InvalidParams
        When ``dim`` is more than the model has.
    MissingExtra
        When the kind needs a package that is not installed.
    """
    if params.kind == "static":
        from vectors.encoders.static import open_static

        return open_static(params, idf, n_threads)
    if params.kind == "onnx":
        from vectors.encoders.onnx import open_onnx

        return open_onnx(params, n_threads)
    if params.kind == "pylate":
        from vectors.encoders.pylate import open_pylate

        return open_pylate(params)
    from vectors.encoders.precomputed import open_precomputed

    return open_precomputed(params, corpus)
