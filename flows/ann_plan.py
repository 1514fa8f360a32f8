"""The stages ``ann.nodes`` and ``ann.documents`` of a plan, by the form that is asked for."""

from __future__ import annotations

from flows.document_tables import MuveraTable
from flows.planned import PlannedStage
from flows.stages import ann, ann_documents, spann
from vectors.ann.params import ANNParams, stated
from vectors.coded.params import CodedParams
from vectors.spann.params import SpannParams
from vectors.spann.params import stated as stated_spann


def index_of(name: str, index: ANNParams | SpannParams, vectors: str) -> PlannedStage:
    """In memory, or with its lists on disk."""
    stage, params = (spann.STAGE, stated_spann(index)) if isinstance(index, SpannParams) else (ann.STAGE, stated(index))
    return PlannedStage(name=name, table=name, stage=stage, params=params, inputs={"vectors": vectors})


def index_of_documents(index: ANNParams | CodedParams | SpannParams, muvera: MuveraTable, encoder: str) -> PlannedStage:
    """By its own recall, or where its form is chosen by exact MaxSim's."""
    if not isinstance(index, CodedParams):
        return index_of("ann.documents", index, "muvera")
    return PlannedStage(
        name="ann.documents",
        table="ann.documents",
        stage=ann_documents.STAGE,
        params=ann_documents.stage_params(index, muvera.retriever, encoder),
        inputs={"fde": "muvera", "tokens": "tokens", "corpus": "corpus"},
    )
