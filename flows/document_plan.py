"""The part of a plan that starts from the documents."""

from __future__ import annotations

import dataclasses
from typing import Any

from flows.ann_plan import index_of_documents
from flows.document_tables import CorpusTable, LexicalTable, check_width
from flows.identity import encoder_identity, outside_files, token_dim
from flows.planned import PlannedStage
from flows.settings import Config
from flows.sources import Sources
from flows.stages import additions, corpus, lexical, muvera, retriever, tokens
from foundation.errors import InvalidParams
from vectors.corpus.files import named_format
from vectors.fde.encode import FDEParams


def document_stages(config: Config, sources: Sources, changes: str | None) -> list[PlannedStage]:
    if config.corpus is None:
        return []
    table = config.corpus
    stages = [
        PlannedStage(
            name="corpus",
            table="corpus",
            stage=corpus.STAGE,
            params=_corpus_params(table),
            sources={"documents": table.source} | ({} if changes is None else {"changes": changes}),
        )
    ]
    if changes is not None:
        stages.append(
            PlannedStage(
                name="additions",
                table="corpus",
                stage=additions.STAGE,
                params=_corpus_params(table),
                sources={"changes": changes, "documents": table.source},
            )
        )
    if config.lexical is not None:
        stages.append(
            PlannedStage(
                name="lexical",
                table="lexical",
                stage=lexical.STAGE,
                params=_lexical_params(config.lexical, fused=config.muvera is not None),
                inputs={"corpus": "corpus"},
            )
        )
    if config.muvera is None or config.ann_documents is None:
        return stages
    identity = encoder_identity(table.encoder, sources)
    _check_width(config.muvera.params, token_dim(identity))
    stages += [
        PlannedStage(
            name="tokens",
            table="corpus",
            stage=tokens.STAGE,
            params={
                "encoder": dataclasses.asdict(table.encoder),
                "identity": identity,
                "tokens": dataclasses.asdict(table.tokens),
            },
            inputs={"corpus": "corpus"},
            files=outside_files(table.encoder),
        ),
        PlannedStage(
            name="muvera",
            table="muvera",
            stage=muvera.STAGE,
            params=dataclasses.asdict(config.muvera.params),
            inputs={"tokens": "tokens"},
        ),
    ]
    stages += [
        index_of_documents(config.ann_documents, config.muvera, table.encoder.kind),
        PlannedStage(
            name="retriever",
            table="muvera",
            stage=retriever.STAGE,
            params={"retriever": dataclasses.asdict(config.muvera.retriever), "encoder": table.encoder.kind},
            inputs={"corpus": "corpus", "tokens": "tokens", "fde": "muvera", "ann": "ann.documents"},
        ),
    ]
    return stages


def _check_width(params: FDEParams, token_dim: int | None) -> None:
    """What the width of the tokens tells of ``[muvera]``, known when the encoder is."""
    try:
        check_width(params, token_dim)
    except InvalidParams as error:
        raise InvalidParams(name=f"muvera.{error.name}", value=error.value, allowed=error.allowed) from None


def _lexical_params(table: LexicalTable, *, fused: bool) -> dict[str, Any]:
    """Of the index, and what its ranking is fused by: no byte but the manifest's, and all answers, depend on that."""
    params = dataclasses.asdict(table.params)
    if fused:
        params["fusion"] = table.fusion
        if table.weight is not None:
            params["weight"] = table.weight
    return params


def _corpus_params(table: CorpusTable) -> dict[str, Any]:
    return {**dataclasses.asdict(table.params), "format": named_format(table.source, table.params.format)}
