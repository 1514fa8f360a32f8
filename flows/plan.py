"""The plan: which stages a config asks for, in order, each with the digest of all that decides its bytes."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from artifacts.manifest import digest_of
from artifacts.store import Store
from flows.document_plan import document_stages
from flows.graph_plan import graph_stages
from flows.planned import PlannedStage
from flows.runtime import Runtime
from flows.settings import Config
from flows.sources import Sources
from flows.stages import link
from flows.stages.program import program_digest
from flows.stages.stage import Order, Stage
from foundation.errors import InvalidParams


def plan(config: Config, sources: Sources | None = None, changes: str | None = None) -> list[PlannedStage]:
    """All stages of ``config``, inputs before what needs them.

    Reads every source that ``sources`` does not know by its looks, to fingerprint it. ``changes`` is the file of
    documents added and removed since (`flows.additions.carried`).
    """
    sources = sources or Sources()
    stages = [*graph_stages(config), *document_stages(config, sources, changes)]
    if config.graph is not None and config.corpus is not None:
        stages.append(
            PlannedStage(
                name="link", table="corpus", stage=link.STAGE, params={}, inputs={"graph": "graph", "corpus": "corpus"}
            )
        )
    return _with_digests(stages, sources)


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
            raise InvalidParams(name="--only", value=stage.name, allowed=f"a stage whose input {name} is built")
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
