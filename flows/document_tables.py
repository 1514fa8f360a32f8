"""Tables about documents and their engines: ``[corpus]``, ``[muvera]``, ``[lexical]``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import final

from flows.config_reader import ConfigReader, Table
from foundation.errors import InvalidParams
from vectors.ann.params import ANNParams
from vectors.coded.params import CodedParams
from vectors.corpus.read import CorpusParams
from vectors.encoders.encoder import EncoderParams
from vectors.fde.encode import FDEParams
from vectors.fusion import Fusion
from vectors.lexical.params import LexicalParams
from vectors.retriever import RetrieverParams
from vectors.spann.params import SpannParams
from vectors.tokens.storage import TokenStorageParams

MAX_WIDTH = 1 << 20  # of vectors that FAISS reads back


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTable:
    """``[corpus]``: where the documents are, how to read them, what makes their vectors, and how those are kept."""

    source: str
    params: CorpusParams
    encoder: EncoderParams
    tokens: TokenStorageParams = field(default_factory=TokenStorageParams)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MuveraTable:
    """``[muvera]``: the encoding, and how many candidates a query reranks."""

    params: FDEParams
    retriever: RetrieverParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalTable:
    """``[lexical]``: the index of words, and how its ranking is fused with that of the tokens.

    ``fusion`` says by what, and is kept with the index. ``weight`` is that of the words' ranking, the tokens' being 1;
    None takes what suits the encoder and the fusion (`artifacts.lexical.fused_weight`).
    """

    params: LexicalParams
    fusion: Fusion = "scores"
    weight: float | None = None

    def __post_init__(self) -> None:
        if self.weight is not None and not (math.isfinite(self.weight) and self.weight > 0):
            raise InvalidParams(name="weight", value=self.weight, allowed="a finite number above 0")


def corpus_table(reader: ConfigReader, raw: Table) -> CorpusTable | None:
    if "corpus" not in raw:
        return None
    table = dict(reader.table(raw, "corpus"))
    source = reader.source(table, "corpus")
    encoder = table.pop("encoder", {})
    if isinstance(encoder, str):
        encoder = {"kind": encoder}
    if not isinstance(encoder, dict):
        raise reader.error(
            "corpus.encoder", "neither a name nor a table", 'write encoder = "static" or [corpus.encoder]'
        )
    if isinstance(encoder.get("path"), str):
        encoder = {**encoder, "path": reader.resolve(encoder["path"])}
    for name in ("text", "fields"):
        if isinstance(table.get(name), str):
            table[name] = (table[name],)
    encoding = reader.params(EncoderParams, encoder, "corpus.encoder")
    tokens = reader.params(TokenStorageParams, reader.table(table, "tokens"), "corpus.tokens")
    table.pop("tokens", None)
    if encoding.kind == "static" and tokens.packed is not None:
        what = f"{tokens.storage!r} cannot be used: a static encoder's tokens take 4 bytes already"
        raise reader.error("corpus.tokens.storage", what, "remove it, or use another encoder")
    if encoding.kind == "static" and tokens.unnormalised != "keep":
        what = f"{tokens.unnormalised!r} cannot be used: a static encoder's lengths are weights"
        raise reader.error("corpus.tokens.unnormalised", what, "remove it, or use another encoder")
    params = reader.params(CorpusParams, table, "corpus", extra=("source", "encoder", "tokens"))
    if encoding.kind == "precomputed" and encoding.path is None and params.vectors is None:
        what = "missing: precomputed vectors are in a file of their own, or a field of the documents"
        raise reader.error("corpus.encoder.path", what, "name it, or the field: corpus.vectors")
    return CorpusTable(
        source=source,
        params=params,
        encoder=encoding,
        tokens=tokens,
    )


def muvera_table(
    reader: ConfigReader, raw: Table, documents: ANNParams | CodedParams | SpannParams | None
) -> MuveraTable | None:
    if "muvera" not in raw:
        return None
    table = dict(reader.table(raw, "muvera"))
    asked = documents.recall if isinstance(documents, CodedParams) else None
    if asked is not None and table.setdefault("recall", asked) != asked:
        what = f"{asked} is not the recall of [muvera], {table['recall']}: both are of exact MaxSim's top 10"
        raise reader.error("ann.documents.recall", what, "say it once")
    params, retriever = reader.split(table, "muvera", FDEParams, RetrieverParams)
    with reader.within("muvera"):
        check_width(params)
    return MuveraTable(params=params, retriever=retriever)


def check_width(params: FDEParams, token_dim: int | None = None) -> None:
    """Refuse encodings wider than an index holds, for tokens of width ``token_dim``, or any where that is not known.

    Raises
    ------
    InvalidParams
        Also when ``d_whole`` leaves nothing of the tokens.
    """
    width = params.fde_dim(params.d_whole + 1 if token_dim is None else token_dim)
    if width > MAX_WIDTH:
        name = "num_repetitions * 2**k_sim * d_proj" if params.d_final is None else "d_final"
        raise InvalidParams(name=name, value=width - params.d_whole, allowed=f"at most {MAX_WIDTH:,}; lower one")


def lexical_table(reader: ConfigReader, raw: Table) -> LexicalTable | None:
    if "lexical" not in raw:
        return None
    table = dict(reader.table(raw, "lexical"))
    if isinstance(table.get("stop_words"), list):
        table["stop_words"] = tuple(table["stop_words"])
    own = {name: table.pop(name) for name in ("fusion", "weight") if name in table}
    params = reader.params(LexicalParams, table, "lexical", extra=("fusion", "weight"))
    return reader.params(LexicalTable, own | {"params": params}, "lexical")
