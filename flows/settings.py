"""The configuration: one TOML file, one table per stage, checked where text enters and nowhere else.

The tables are the algorithms' own parameter classes, plus the few keys that say where data come from. Values
are checked by pydantic against those classes; unknown keys name the nearest known one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from artifacts.retention import RetentionParams
from artifacts.store import check_name
from clustering.communities import CommunityParams
from clustering.global_communities import GlobalParams
from flows.ann_tables import ann_documents_table, ann_table
from flows.config_reader import ConfigReader, Table
from flows.document_tables import CorpusTable, LexicalTable, MuveraTable, corpus_table, lexical_table, muvera_table
from flows.gate import NEEDS, GateParams
from flows.graph_tables import (
    FastRPTable,
    GraphTable,
    PowerWalkTable,
    fastrp_table,
    graph_table,
    map_params,
    powerwalk_table,
)
from flows.overrides import Override, override
from flows.runtime import Runtime
from foundation.errors import InvalidConfig
from vectors.ann.params import ANNParams
from vectors.coded.params import CodedParams
from vectors.pacmap import PaCMAPParams
from vectors.spann.params import SpannParams


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration. A table that is absent leaves its engine out; ``raw`` is what was written."""

    name: str
    raw: Mapping[str, Any]
    graph: GraphTable | None = None
    corpus: CorpusTable | None = None
    fastrp: FastRPTable | None = None
    powerwalk: PowerWalkTable | None = None
    communities: CommunityParams | None = None
    labels: GlobalParams | None = None
    muvera: MuveraTable | None = None
    lexical: LexicalTable | None = None
    ann_nodes: ANNParams | SpannParams | None = None
    ann_documents: ANNParams | CodedParams | SpannParams | None = None
    map: PaCMAPParams | None = None
    runtime: Runtime = field(default_factory=Runtime)
    gate: GateParams = field(default_factory=GateParams)
    retention: RetentionParams = field(default_factory=RetentionParams)


TABLES = (
    "name",
    "graph",
    "corpus",
    "fastrp",
    "powerwalk",
    "communities",
    "labels",
    "muvera",
    "lexical",
    "ann",
    "map",
    "runtime",
    "gate",
    "retention",
)


def read_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read and check a TOML file.

    Parameters
    ----------
    overrides
        ``key.path=value`` texts applied before checking; a value is TOML if it parses, else a string.

    Raises
    ------
    InvalidConfig
        Naming the file or the override, the key, what is wrong, and the nearest known key.
    """
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidConfig(
            path=str(path), key="", what="no such file", fix="name a TOML file, e.g. config/debian.toml"
        ) from None
    except OSError as error:
        raise InvalidConfig(
            path=str(path), key="", what=f"cannot be read ({error.strerror})", fix="name a TOML file"
        ) from None
    except UnicodeDecodeError:
        raise InvalidConfig(path=str(path), key="", what="not UTF-8 text", fix="name a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(path=str(path), key="", what=f"not TOML: {error}", fix="mend that line") from None
    changes = [override(raw, text) for text in overrides]
    return parse_config(raw, str(path), Path(path).parent, changes)


def parse_config(raw: Table, path: str, base: Path, changes: Sequence[Override] = ()) -> Config:
    """Check a parsed configuration, to which ``changes`` were made; relative sources are taken from ``base``."""
    reader = ConfigReader(path, base, changes)
    reader.known(raw, "", TABLES)
    name = raw.get("name")
    if not isinstance(name, str):
        raise reader.error("name", "missing or not a string", 'write name = "…" at the top of the file')
    with reader.at("name"):
        check_name(name)
    ann = reader.table(raw, "ann")
    reader.known(ann, "ann", ("nodes", "documents"))
    documents = ann_documents_table(reader, raw, ann)
    config = Config(
        name=name,
        raw=raw,
        graph=graph_table(reader, raw),
        corpus=corpus_table(reader, raw),
        fastrp=fastrp_table(reader, raw),
        powerwalk=powerwalk_table(reader, raw),
        communities=reader.params(CommunityParams, raw["communities"], "communities") if "communities" in raw else None,
        labels=reader.params(GlobalParams, raw["labels"], "labels") if "labels" in raw else None,
        muvera=muvera_table(reader, raw, documents),
        lexical=lexical_table(reader, raw),
        ann_nodes=ann_table(reader, reader.table(ann, "nodes"), "ann.nodes") if "nodes" in ann else None,
        ann_documents=documents,
        map=map_params(reader, raw),
        runtime=reader.params(Runtime, reader.table(raw, "runtime"), "runtime"),
        gate=reader.params(GateParams, reader.table(raw, "gate"), "gate"),
        retention=reader.params(RetentionParams, reader.table(raw, "retention"), "retention"),
    )
    _check_needs(reader, config)
    return config


def _check_needs(reader: ConfigReader, config: Config) -> None:
    """Tables that cannot work without another one."""
    for key, table, needed, present in (
        ("fastrp", config.fastrp, "graph", config.graph),
        ("powerwalk", config.powerwalk, "graph", config.graph),
        ("communities", config.communities, "graph", config.graph),
        ("labels", config.labels, "graph", config.graph),
        ("ann.nodes", config.ann_nodes, "fastrp", config.fastrp),
        ("map", config.map, "fastrp", config.fastrp),
        ("muvera", config.muvera, "corpus", config.corpus),
        ("lexical", config.lexical, "corpus", config.corpus),
        ("ann.documents", config.ann_documents, "muvera", config.muvera),
    ):
        if table is not None and present is None:
            raise reader.error(key, f"needs the table [{needed}], which is absent", f"add [{needed}] or remove [{key}]")
    if config.labels is not None and config.labels.on != "links" and config.communities is None:
        fix = 'add [communities], or search the links alone: on = "links"'
        raise reader.error("labels.on", f"{config.labels.on!r} needs the table [communities], which is absent", fix)
    for name, tables in NEEDS.items():
        if getattr(config.gate, name) is not None and not any(
            getattr(config, table.replace(".", "_")) is not None for table in tables
        ):
            what = f"needs the table {' or '.join(f'[{table}]' for table in tables)}, which is absent"
            raise reader.error(f"gate.{name}", what, f"add [{tables[0]}] or remove the threshold")
    if config.graph is None and config.corpus is None:
        raise reader.error("", "neither [graph] nor [corpus]: there is nothing to build", "add one of them")
