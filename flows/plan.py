"""The plan: which stages a config asks for, in order, each with the digest of all that decides its bytes."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from artifacts.manifest import digest_of
from artifacts.store import Store
from flows.identity import encoder_identity, outside_files
from flows.settings import Config, CorpusTable, FastRPTable, GraphTable, MuveraTable, Runtime
from flows.sources import Sources
from flows.stages import (
    additions,
    ann,
    ann_documents,
    corpus,
    fastrp,
    fastrp_combination,
    fastrp_powers,
    features,
    graph,
    labels,
    lexical,
    link,
    lsh,
    minhash,
    muvera,
    node_map,
    orientation,
    powerwalk,
    retriever,
    spann,
    tokens,
)
from flows.stages.program import program_digest
from flows.stages.stage import Order, Stage
from foundation.errors import InvalidParams
from graph.readers.feature_files import feature_format
from graph.readers.formats import format_of
from vectors.ann.params import ANNParams, stated
from vectors.coded.params import CodedParams
from vectors.corpus.files import named_format
from vectors.spann.params import SpannParams
from vectors.spann.params import stated as stated_spann


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage with a name, what it reads, its parameters, and its digest.

    ``table`` is the config table it comes from; ``inputs`` maps a role to the name of an earlier stage, ``sources`` one
    to a path or URL; ``files`` are read besides, and are part of the digest through ``params``.
    """

    name: str
    table: str
    stage: Stage
    params: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    input_digests: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


def plan(config: Config, sources: Sources | None = None, changes: str | None = None) -> list[PlannedStage]:
    """All stages of ``config``, inputs before what needs them.

    Reads every source that ``sources`` does not know by its looks, to fingerprint it. ``changes`` is the file of
    documents added and removed since (`flows.additions.carried`).
    """
    sources = sources or Sources()
    stages = [*_graph_stages(config), *_document_stages(config, sources, changes)]
    if config.graph is not None and config.corpus is not None:
        stages.append(
            PlannedStage(
                name="link", table="corpus", stage=link.STAGE, params={}, inputs={"graph": "graph", "corpus": "corpus"}
            )
        )
    return _with_digests(stages, sources)


def _graph_stages(config: Config) -> list[PlannedStage]:
    if config.graph is None:
        return []
    stages = [
        PlannedStage(
            name="graph",
            table="graph",
            stage=graph.STAGE,
            params={**dataclasses.asdict(config.graph.params), "format": _graph_format(config.graph)},
            sources={"edges": config.graph.source},
        )
    ]
    wanted = {table.orientation for table in (config.fastrp, config.powerwalk) if table is not None}
    stages += [
        PlannedStage(
            name=_oriented(turned),
            table="graph",
            stage=orientation.STAGE,
            params={"orientation": turned},
            inputs={"graph": "graph"},
        )
        for turned in sorted(wanted - {"natural"})
    ]
    if config.fastrp is not None:
        stages += _fastrp_stages(config.fastrp)
        if config.ann_nodes is not None:
            stages.append(_index_of("ann.nodes", config.ann_nodes, "fastrp"))
        if config.map is not None:
            stages.append(
                PlannedStage(
                    name="map",
                    table="map",
                    stage=node_map.STAGE,
                    params=dataclasses.asdict(config.map),
                    inputs={"vectors": "fastrp"},
                )
            )
    if config.powerwalk is not None:
        stages.append(
            PlannedStage(
                name="powerwalk",
                table="powerwalk",
                stage=powerwalk.STAGE,
                params={
                    "index": dataclasses.asdict(config.powerwalk.params),
                    "query": dataclasses.asdict(config.powerwalk.query),
                },
                inputs={"graph": _oriented(config.powerwalk.orientation)},
            )
        )
    if config.communities is not None:
        community = dataclasses.asdict(config.communities)
        stages += [
            PlannedStage(
                name="minhash",
                table="communities",
                stage=minhash.STAGE,
                params={name: community[name] for name in ("num_perm", "seed", "direction", "include_self")},
                inputs={"graph": "graph"},
            ),
            PlannedStage(
                name="lsh", table="communities", stage=lsh.STAGE, params=community, inputs={"signatures": "minhash"}
            ),
        ]
    if config.labels is not None:
        sketched = {"signatures": "minhash", "tables": "lsh"} if config.labels.on != "links" else {}
        stages.append(
            PlannedStage(
                name="labels",
                table="labels",
                stage=labels.STAGE,
                params=dataclasses.asdict(config.labels),
                inputs={"graph": "graph", **sketched},
            )
        )
    return stages


def _graph_format(table: GraphTable) -> str:
    """What "auto" means for the source's name: equal bytes under other names are other graphs."""
    return format_of(table.source, table.params.format)


def _corpus_params(table: CorpusTable) -> dict[str, Any]:
    return {**dataclasses.asdict(table.params), "format": named_format(table.source, table.params.format)}


def _fastrp_stages(table: FastRPTable) -> list[PlannedStage]:
    """One stage, after the features it starts from; or two where the powers are kept."""
    inputs = {"graph": _oriented(table.orientation)}
    if table.features is not None:
        read = PlannedStage(
            name="features",
            table="fastrp",
            stage=features.STAGE,
            params={**dataclasses.asdict(table.features.params), "format": feature_format(table.features.source)},
            inputs={"graph": "graph"},
            sources={"features": table.features.source},
        )
        return [read, *_fastrp_alone(table, {**inputs, "features": read.name})]
    return _fastrp_alone(table, inputs)


def _fastrp_alone(table: FastRPTable, inputs: dict[str, str]) -> list[PlannedStage]:
    whole = PlannedStage(
        name="fastrp", table="fastrp", stage=fastrp.STAGE, params=dataclasses.asdict(table.params), inputs=inputs
    )
    if not table.keep_powers:
        return [whole]
    powers = PlannedStage(
        name="fastrp.powers",
        table="fastrp",
        stage=fastrp_powers.STAGE,
        params=fastrp_powers.params_of(table.params),
        inputs=inputs,
    )
    both = {**inputs, "powers": powers.name}
    return [powers, dataclasses.replace(whole, stage=fastrp_combination.STAGE, inputs=both)]


def _document_stages(config: Config, sources: Sources, changes: str | None) -> list[PlannedStage]:
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
        fusion = {} if config.muvera is None else {"fusion": config.lexical.fusion}
        stages.append(
            PlannedStage(
                name="lexical",
                table="lexical",
                stage=lexical.STAGE,
                params=dataclasses.asdict(config.lexical.params) | fusion,
                inputs={"corpus": "corpus"},
            )
        )
    if config.muvera is None or config.ann_documents is None:
        return stages
    stages += [
        PlannedStage(
            name="tokens",
            table="corpus",
            stage=tokens.STAGE,
            params={
                "encoder": dataclasses.asdict(table.encoder),
                "identity": encoder_identity(table.encoder, sources),
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
        _index_of_documents(config.ann_documents, config.muvera, table.encoder.kind),
        PlannedStage(
            name="retriever",
            table="muvera",
            stage=retriever.STAGE,
            params={"retriever": dataclasses.asdict(config.muvera.retriever), "encoder": table.encoder.kind},
            inputs={"corpus": "corpus", "tokens": "tokens", "fde": "muvera", "ann": "ann.documents"},
        ),
    ]
    return stages


def _index_of(name: str, index: ANNParams | SpannParams, vectors: str) -> PlannedStage:
    """In memory, or with its lists on disk."""
    stage, params = (spann.STAGE, stated_spann(index)) if isinstance(index, SpannParams) else (ann.STAGE, stated(index))
    return PlannedStage(name=name, table=name, stage=stage, params=params, inputs={"vectors": vectors})


def _index_of_documents(
    index: ANNParams | CodedParams | SpannParams, muvera: MuveraTable, encoder: str
) -> PlannedStage:
    """By its own recall, or where its form is chosen by exact MaxSim's."""
    if not isinstance(index, CodedParams):
        return _index_of("ann.documents", index, "muvera")
    return PlannedStage(
        name="ann.documents",
        table="ann.documents",
        stage=ann_documents.STAGE,
        params=ann_documents.stage_params(index, muvera.retriever, encoder),
        inputs={"fde": "muvera", "tokens": "tokens", "corpus": "corpus"},
    )


def _oriented(turned: str) -> str:
    return "graph" if turned == "natural" else f"graph.{turned}"


def _with_digests(stages: Sequence[PlannedStage], sources: Sources) -> list[PlannedStage]:
    digests: dict[str, str] = {}
    done: list[PlannedStage] = []
    for stage in stages:
        inputs = {role: digests[name] for role, name in stage.inputs.items()}
        inputs |= {role: sources.fingerprint(source) for role, source in stage.sources.items()}
        digest = stage_digest(stage.stage, stage.params, inputs)
        digests[stage.name] = digest
        done.append(dataclasses.replace(stage, input_digests=inputs, digest=digest))
    return done


def stage_digest(stage: Stage, params: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """What names the artifact of a stage: all that decides its bytes."""
    return digest_of(
        {
            "kind": stage.kind,
            "kind_version": stage.kind_version,
            "code_version": stage.code_version,
            "params": params,
            "inputs": inputs,
        }
    )


def check_names(stages: Sequence[PlannedStage], wanted: Sequence[str], option: str) -> set[str]:
    """Names of the stages meant by ``wanted``: a stage's own name, or a config table's for all of its stages.

    Raises
    ------
    InvalidParams
        For a name that is neither.
    """
    found: set[str] = set()
    known = sorted({stage.name for stage in stages} | {stage.table for stage in stages})
    for name in wanted:
        meant = {stage.name for stage in stages if stage.name == name} or {s.name for s in stages if s.table == name}
        if not meant:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise InvalidParams(name=option, value=name, allowed=", ".join(known) + hint)
        found |= meant
    return found


def with_inputs(stages: Sequence[PlannedStage], names: set[str]) -> list[PlannedStage]:
    """The named stages and everything they need, in order."""
    needed = set(names)
    for stage in reversed(stages):
        if stage.name in needed:
            needed.update(stage.inputs.values())
    return [stage for stage in stages if stage.name in needed]


def order_of(stage: PlannedStage, store: Store, stages: Mapping[str, PlannedStage], runtime: Runtime) -> Order:
    """What the runner is given; the stage's inputs must have been built."""
    inputs = {}
    for role, name in stage.inputs.items():
        before = stages[name]
        artifact = store.find(before.stage.kind, before.digest)
        if artifact is None:
            raise InvalidParams(name="only", value=stage.name, allowed=f"a stage whose input {name} is built")
        inputs[role] = artifact
    return Order(
        name=stage.name,
        stage=stage.stage,
        digest=stage.digest,
        store=store.address,
        inputs=inputs,
        sources=dict(stage.sources),
        params=dict(stage.params),
        part_nodes=runtime.part_nodes,
        part_docs=runtime.part_docs,
        cache=runtime.cache,
        cache_limit=runtime.cache_bytes,
        program=program_digest(),
    )
