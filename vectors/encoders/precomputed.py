"""Token vectors the user made: a column of the corpus itself, or a file beside it.

A file is ``.npz`` with ``vectors`` (n_tokens, dim), ``offsets`` (n_docs + 1,) and perhaps ``ids`` (n_docs,), or Parquet
or JSON lines with a list of vectors per document and perhaps its id. With ids, vectors find their documents by id;
without, they are in the order of the corpus's file, one set per document of it. Queries come as vectors too.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidQuery
from foundation.sources import plain_suffix, random_access, source_sha256
from vectors.corpus.files import Unreadable, document_format, json_records, parquet_records
from vectors.corpus.types import DEFAULT_ID, OTHER_ID, Corpus
from vectors.encoders.encoded import Encoded, left_out
from vectors.encoders.encoder import Encoder, EncoderParams
from vectors.encoders.rows import cut_columns, sha256, unit_rows
from vectors.tokens.columns import take_documents, vectors_from_lists
from vectors.tokens.multivector import MultiVectors


@final
class PrecomputedEncoder(Encoder):
    """Hands out vectors that lie in the order of the corpus."""

    def __init__(self, vectors: MultiVectors, digest: str, params: EncoderParams, source: str) -> None:
        self._vectors = vectors
        self._digest = digest
        self._params = params
        self._dim = cut_columns(vectors.vectors, params.dim, source=source).shape[1]

    @property
    def dim(self) -> int:
        return int(self._dim)

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "kind": "precomputed",
            "vectors_sha256": self._digest,
            "dim": self._dim,
            "normalize": self._params.normalize is True,
        }

    def encode_documents(self, texts: Sequence[str]) -> Encoded:
        raise _no_texts(len(texts))

    def encode_queries(self, texts: Sequence[str]) -> Encoded:
        raise _no_texts(len(texts))

    def encode_corpus(self, corpus: Corpus, start: int, stop: int) -> Encoded:
        """Vectors of documents ``start:stop`` of the corpus the encoder was opened with."""
        if corpus.n_docs != self._vectors.n_docs:
            what = f"it has {corpus.n_docs} documents, the vectors are of {self._vectors.n_docs}"
            raise InvalidInput(source="corpus", what=what, fix="pass the corpus that the encoder was opened with")
        part = self._vectors.slice(start, stop)
        rows = np.ascontiguousarray(part.vectors[:, : self._dim])
        if self._params.normalize:
            rows = unit_rows(rows)
        return Encoded(vectors=MultiVectors(vectors=rows, offsets=part.offsets), left_out=left_out(part.n_docs))

    def spellings(self, texts: Sequence[str], *, queries: bool) -> None:  # noqa: ARG002  # its tokens are unknown
        return None


def open_precomputed(params: EncoderParams, corpus: Corpus | None) -> PrecomputedEncoder:
    """Vectors of ``corpus`` from ``params.path`` or its own column; raises as `open_encoder`."""
    if corpus is None:
        what = "vectors of one's own belong to the documents of a corpus"
        raise InvalidInput(source="encoder", what=what, fix="pass corpus=…; queries need no encoder, pass vectors")
    if params.path is None:
        if corpus.vectors is None:
            what = "the documents were read without token vectors"
            raise InvalidInput(source="corpus", what=what, fix="name their field with vectors = …, or give a path")
        digest = sha256(corpus.vectors.offsets.tobytes() + corpus.vectors.vectors.tobytes())
        return PrecomputedEncoder(corpus.vectors, digest, params, "corpus")
    digest = source_sha256(params.path)
    if plain_suffix(params.path) == ".npz":
        vectors, ids = _read_npz(params.path)
    else:
        vectors, ids = _read_column(params.path, params.column)
    docs = corpus.positions if ids is None else _rows_of(corpus, ids, params.path)
    if ids is None and vectors.n_docs != corpus.report.n_read:
        what = f"it has vectors of {vectors.n_docs} documents, the corpus's file has {corpus.report.n_read} documents"
        raise InvalidInput(source=params.path, what=what, fix="give the vectors of that very file, or add ids")
    return PrecomputedEncoder(take_documents(vectors, docs), digest, params, params.path)


def _rows_of(corpus: Corpus, ids: Sequence[str | int], source: str) -> npt.NDArray[np.int64]:
    """Place of each document of the corpus among ``ids``; ids of other documents are passed over."""
    places: dict[str, int] = {}
    for place, id in enumerate(ids):
        if places.setdefault(str(id), place) != place:
            what = f"id {str(id)!r} is that of documents {places[str(id)] + 1} and {place + 1}"
            raise InvalidInput(source=source, what=what, fix="give every document its own id")
    rows = [places.get(str(corpus.ids[doc]), -1) for doc in range(corpus.n_docs)]
    if -1 in rows:
        what = f"it has no vectors of document {str(corpus.ids[rows.index(-1)])!r}"
        raise InvalidInput(source=source, what=what, fix="add them, an empty list if the document has none")
    return np.array(rows, dtype=np.int64)


def _read_npz(source: str) -> tuple[MultiVectors, Sequence[str | int] | None]:
    found = random_access(source)
    try:
        # Opened here, because numpy leaves a damaged file of its own opening open.
        with found.open("rb") if isinstance(found, Path) else found as handle:
            file = np.load(handle, allow_pickle=False)
            arrays = {name: file[name] for name in ("vectors", "offsets", "ids") if name in file}
    except (ValueError, OSError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = f"this is no .npz of plain arrays ({reason})"
        raise InvalidInput(source=source, what=what, fix="write it again") from error
    missing = [name for name in ("vectors", "offsets") if name not in arrays]
    if missing:
        raise InvalidInput(source=source, what=f"it has no array {missing[0]!r}", fix="save vectors and offsets")
    rows, offsets, ids = arrays["vectors"], arrays["offsets"], arrays.get("ids")
    if rows.ndim != 2 or rows.dtype.kind != "f" or rows.shape[1] == 0:
        what = f"vectors are {rows.dtype} of shape {list(rows.shape)}"
        raise InvalidInput(source=source, what=what, fix="save floats of shape (n_tokens, dim)")
    if offsets.ndim != 1 or offsets.size == 0 or offsets.dtype.kind not in "iu":
        what = f"offsets are {offsets.dtype} of shape {list(offsets.shape)}"
        raise InvalidInput(source=source, what=what, fix="save n_docs + 1 integers")
    cuts = offsets.astype(np.int64)
    if cuts[0] != 0 or cuts[-1] != rows.shape[0] or (np.diff(cuts) < 0).any():
        what = f"offsets run from {cuts[0]} to {cuts[-1]} over {rows.shape[0]} vectors"
        raise InvalidInput(source=source, what=what, fix="they ascend from 0 to n_tokens")
    if ids is not None and (ids.shape != (cuts.size - 1,) or ids.dtype.kind not in "iuU"):
        what = f"ids are {ids.dtype} of shape {list(ids.shape)} for {cuts.size - 1} documents"
        raise InvalidInput(source=source, what=what, fix="save one integer or string per document")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(rows, dtype=np.float32)
    finite = np.isfinite(single).all(axis=1)
    if not finite.all():
        doc = int(np.searchsorted(cuts, int(np.argmin(finite)), side="right"))
        what = f"a vector of document {doc} holds a value that is not finite as float32"
        raise InvalidInput(source=source, what=what, fix="save finite vectors")
    return MultiVectors(vectors=single, offsets=cuts), None if ids is None else ids.tolist()


def _read_column(source: str, column: str) -> tuple[MultiVectors, Sequence[str | int] | None]:
    is_parquet = document_format(source, "auto") == "parquet"
    records = parquet_records(source, (DEFAULT_ID, OTHER_ID, column)) if is_parquet else json_records(source)
    rows: list[Any] = []
    ids: list[str | int] = []
    id_field: str | None = None
    is_there = False
    for number, record in records:
        if isinstance(record, Unreadable):
            raise InvalidInput(source=source, what=record.what, fix=record.fix, line=number)
        if not rows:
            id_field = next((field for field in (DEFAULT_ID, OTHER_ID) if field in record), None)
        if id_field is not None:
            id = record.get(id_field)
            if not isinstance(id, str | int) or isinstance(id, bool):
                what = f"there is no id in {id_field!r}"
                raise InvalidInput(source=source, what=what, fix="give every document an id, or none", line=number)
            ids.append(id)
        is_there |= column in record
        rows.append(record.get(column))
    if not is_there:
        raise InvalidInput(source=source, what=f"no document has the field {column!r}", fix="check column = …")
    return vectors_from_lists(rows, source=source, column=column), None if id_field is None else ids


def _no_texts(n_texts: int) -> InvalidQuery:
    what = f"{n_texts} texts came, but the vectors of this corpus were made elsewhere"
    return InvalidQuery(what=what, fix="encode them with the same model and pass vectors")
