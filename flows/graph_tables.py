"""Tables about the graph and its engines: ``[graph]``, ``[fastrp]``, ``[powerwalk]``, ``[map]``."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import final

from flows.config_reader import ConfigReader, Table
from foundation.errors import InvalidInput
from graph.edge_list import ReadParams, check_params
from graph.fastrp import FastRPParams
from graph.features import FeatureParams
from graph.orientation import ORIENTATIONS
from graph.powerwalk import PowerWalkParams, QueryParams
from vectors.pacmap import PaCMAPParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTable:
    """``[graph]``: where the edges are and how to read them."""

    source: str
    params: ReadParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesTable:
    """What ``[fastrp]`` says of node features: where they are and how to read them."""

    source: str
    params: FeatureParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FastRPTable:
    """``[fastrp]``: parameters, the direction the graph is read in, node features, whether powers are kept."""

    orientation: str
    params: FastRPParams
    features: FeaturesTable | None = None
    keep_powers: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PowerWalkTable:
    """``[powerwalk]``: the index, the queries' default effort, the direction the graph is read in."""

    orientation: str
    params: PowerWalkParams
    query: QueryParams


def graph_table(reader: ConfigReader, raw: Table) -> GraphTable | None:
    if "graph" not in raw:
        return None
    table = dict(reader.table(raw, "graph"))
    source = reader.source(table, "graph")
    if isinstance(table.get("type_weights"), dict):
        table["type_weights"] = tuple(table["type_weights"].items())
    params = reader.params(ReadParams, table, "graph", extra=("source",))
    with reader.within("graph"), contextlib.suppress(InvalidInput):  # a format that is not read is no matter of keys
        check_params(source, params)
    return GraphTable(source=source, params=params)


def fastrp_table(reader: ConfigReader, raw: Table) -> FastRPTable | None:
    if "fastrp" not in raw:
        return None
    table = dict(reader.table(raw, "fastrp"))
    orientation = reader.choice(table, "fastrp", "orientation", ORIENTATIONS, "undirected")
    named = "features" in table
    source = reader.source(table, "fastrp", "features") if named else ""
    keep_powers = reader.flag(table, "fastrp", "keep_powers")
    extra = ("orientation", "features", "keep_powers")
    params, features = reader.split(table, "fastrp", FastRPParams, FeatureParams, extra=extra)
    if params.property_ratio > 0 and not named:
        fix = 'add features = "FILE", or set it to 0'
        raise reader.error("fastrp.property_ratio", f"{params.property_ratio} needs node features", fix)
    if named and params.property_ratio == 0:
        fix = "set it to the share of the columns that start from them, or remove features"
        raise reader.error("fastrp.features", "is of no use while property_ratio is 0", fix)
    for option in dataclasses.fields(FeatureParams):
        if option.name in table and not named:
            fix = "add features, or remove it"
            raise reader.error(f"fastrp.{option.name}", "is of no use without features", fix)
    if named and keep_powers:
        raise reader.error("fastrp.keep_powers", "does not go with features", "remove one of them")
    read = FeaturesTable(source=source, params=features) if named else None
    return FastRPTable(orientation=orientation, params=params, features=read, keep_powers=keep_powers)


def powerwalk_table(reader: ConfigReader, raw: Table) -> PowerWalkTable | None:
    if "powerwalk" not in raw:
        return None
    table = dict(reader.table(raw, "powerwalk"))
    orientation = reader.choice(table, "powerwalk", "orientation", ORIENTATIONS, "natural")
    params, query = reader.split(table, "powerwalk", PowerWalkParams, QueryParams, extra=("orientation",))
    return PowerWalkTable(orientation=orientation, params=params, query=query)


def map_params(reader: ConfigReader, raw: Table) -> PaCMAPParams | None:
    """``[map]``; None for the principal components, which the service computes."""
    table = dict(reader.table(raw, "map"))
    if reader.choice(table, "map", "method", ("pca", "pacmap"), "pca") == "pacmap":
        return reader.params(PaCMAPParams, table, "map", extra=("method",))
    reader.known(table, "map", [field.name for field in dataclasses.fields(PaCMAPParams)] + ["method"])
    for name in table:
        raise reader.error(f"map.{name}", 'is of no use with method = "pca"', 'add method = "pacmap", or remove it')
    return None
