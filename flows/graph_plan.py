"""The part of a plan that starts from the graph."""

from __future__ import annotations

import dataclasses

from flows.ann_plan import index_of
from flows.graph_tables import FastRPTable, GraphTable
from flows.planned import PlannedStage
from flows.settings import Config
from flows.stages import (
    fastrp,
    fastrp_combination,
    fastrp_powers,
    features,
    graph,
    labels,
    lsh,
    minhash,
    node_map,
    orientation,
    powerwalk,
)
from graph.readers.feature_files import feature_format
from graph.readers.formats import format_of


def graph_stages(config: Config) -> list[PlannedStage]:
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
            stages.append(index_of("ann.nodes", config.ann_nodes, "fastrp"))
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


def _oriented(turned: str) -> str:
    return "graph" if turned == "natural" else f"graph.{turned}"
