"""The configuration: one TOML file, one table per stage, checked where text enters and nowhere else.

The tables are the algorithms' own parameter classes, plus the few keys that say where data come from. Values
are checked by pydantic against those classes; unknown keys name the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, final, get_args, get_type_hints

import pydantic

from artifacts.retention import RetentionParams
from artifacts.store import check_name
from clustering.communities import CommunityParams
from clustering.global_communities import GlobalParams
from flows.gate import NEEDS, GateParams
from foundation.errors import EngineError, InvalidConfig, InvalidParams
from foundation.sizes import parse_size
from graph.edge_list import ReadParams
from graph.fastrp import FastRPParams
from graph.features import FeatureParams
from graph.orientation import ORIENTATIONS
from graph.powerwalk import PowerWalkParams, QueryParams
from vectors.ann.params import KINDS, ANNParams
from vectors.coded.params import CodedParams
from vectors.corpus.read import CorpusParams
from vectors.encoders.encoder import EncoderParams
from vectors.fde.encode import FDEParams
from vectors.fusion import Fusion
from vectors.lexical.params import LexicalParams
from vectors.pacmap import PaCMAPParams
from vectors.retriever import RetrieverParams
from vectors.spann.params import SpannParams
from vectors.tokens.storage import TokenStorageParams

T = TypeVar("T")
Table = dict[str, Any]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTable:
    """``[graph]``: where the edges are and how to read them."""

    source: str
    params: ReadParams


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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """``[runtime]``: what the machine is given. Nothing here changes a byte of the result.

    ``workers`` run one partition each, or ``threads_per_worker`` of them; ``processes`` makes them processes, each
    held to ``memory_limit``. ``part_nodes`` and ``part_docs`` are the rows of one partition. ``lock_wait`` is how
    many seconds to wait while another process builds the same index. ``stage_timeout`` is how many seconds one stage
    may take. ``cache`` is where a machine keeps what it reads of a store far away, ``cache_limit`` how much of it.
    ``trust_mtime`` believes that a source which looks as it did has the content it had; otherwise all of it is read.
    """

    workers: int = 2
    threads_per_worker: int = 1
    processes: bool = False
    memory_limit: str = "auto"
    scheduler: str | None = None
    part_nodes: int = 16_384
    part_docs: int = 8_192
    lock_wait: float = 0.0
    stage_timeout: float | None = None
    cache: str | None = None
    cache_limit: str = "auto"
    trust_mtime: bool = True

    def __post_init__(self) -> None:
        for name in ("workers", "threads_per_worker", "part_nodes", "part_docs"):
            if getattr(self, name) < 1:
                raise InvalidParams(name=name, value=getattr(self, name), allowed="at least 1")
        if not _is_memory(self.memory_limit):
            raise InvalidParams(
                name="memory_limit", value=self.memory_limit, allowed='"auto", or a size such as "4GB" or "500 MiB"'
            )
        if not self.lock_wait >= 0:
            raise InvalidParams(name="lock_wait", value=self.lock_wait, allowed="0 or more seconds")
        if self.stage_timeout is not None and not self.stage_timeout > 0:
            raise InvalidParams(name="stage_timeout", value=self.stage_timeout, allowed="more than 0 seconds, or none")
        if self.cache_limit != "auto" and not _is_memory(self.cache_limit):
            raise InvalidParams(name="cache_limit", value=self.cache_limit, allowed='"auto", or a size such as "20GB"')

    @property
    def cache_bytes(self) -> int | None:
        """``cache_limit`` in bytes; None for "auto"."""
        return None if self.cache_limit == "auto" else parse_size(self.cache_limit)


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
        Naming the file, the key, what is wrong, and the nearest known key.
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
    for override in overrides:
        _override(raw, override)
    return parse_config(raw, str(path), Path(path).parent)


def parse_config(raw: Table, path: str, base: Path) -> Config:
    """Check a parsed configuration; relative sources are taken from ``base``."""
    reader = _Reader(path, base)
    reader.known(raw, "", TABLES)
    name = raw.get("name")
    if not isinstance(name, str):
        raise reader.error("name", "missing or not a string", 'write name = "…" at the top of the file')
    with reader.at("name"):
        check_name(name)
    ann = reader.table(raw, "ann")
    reader.known(ann, "ann", ("nodes", "documents"))
    documents = _ann_documents(reader, raw, ann)
    config = Config(
        name=name,
        raw=raw,
        graph=_graph(reader, raw),
        corpus=_corpus(reader, raw),
        fastrp=_fastrp(reader, raw),
        powerwalk=_powerwalk(reader, raw),
        communities=reader.params(CommunityParams, raw["communities"], "communities") if "communities" in raw else None,
        labels=reader.params(GlobalParams, raw["labels"], "labels") if "labels" in raw else None,
        muvera=_muvera(reader, raw, documents),
        lexical=_lexical(reader, raw),
        ann_nodes=_ann(reader, reader.table(ann, "nodes"), "ann.nodes") if "nodes" in ann else None,
        ann_documents=documents,
        map=_map(reader, raw),
        runtime=reader.params(Runtime, reader.table(raw, "runtime"), "runtime"),
        gate=reader.params(GateParams, reader.table(raw, "gate"), "gate"),
        retention=reader.params(RetentionParams, reader.table(raw, "retention"), "retention"),
    )
    _check_needs(reader, config)
    return config


def _graph(reader: _Reader, raw: Table) -> GraphTable | None:
    if "graph" not in raw:
        return None
    table = dict(reader.table(raw, "graph"))
    source = reader.source(table, "graph")
    if isinstance(table.get("type_weights"), dict):
        table["type_weights"] = tuple(table["type_weights"].items())
    return GraphTable(source=source, params=reader.params(ReadParams, table, "graph", extra=("source",)))


def _corpus(reader: _Reader, raw: Table) -> CorpusTable | None:
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
    if isinstance(table.get("text"), str):
        table["text"] = (table["text"],)
    encoding = reader.params(EncoderParams, encoder, "corpus.encoder")
    tokens = reader.params(TokenStorageParams, reader.table(table, "tokens"), "corpus.tokens")
    table.pop("tokens", None)
    if encoding.kind == "static" and tokens.packed is not None:
        what = f"{tokens.storage!r} cannot be used: a static encoder's tokens take 4 bytes already"
        raise reader.error("corpus.tokens.storage", what, "remove it, or use another encoder")
    if encoding.kind == "static" and tokens.unnormalised != "keep":
        what = f"{tokens.unnormalised!r} cannot be used: a static encoder's lengths are weights"
        raise reader.error("corpus.tokens.unnormalised", what, "remove it, or use another encoder")
    return CorpusTable(
        source=source,
        params=reader.params(CorpusParams, table, "corpus", extra=("source", "encoder", "tokens")),
        encoder=encoding,
        tokens=tokens,
    )


def _fastrp(reader: _Reader, raw: Table) -> FastRPTable | None:
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


def _powerwalk(reader: _Reader, raw: Table) -> PowerWalkTable | None:
    if "powerwalk" not in raw:
        return None
    table = dict(reader.table(raw, "powerwalk"))
    orientation = reader.choice(table, "powerwalk", "orientation", ORIENTATIONS, "natural")
    params, query = reader.split(table, "powerwalk", PowerWalkParams, QueryParams, extra=("orientation",))
    return PowerWalkTable(orientation=orientation, params=params, query=query)


def _muvera(reader: _Reader, raw: Table, documents: ANNParams | CodedParams | SpannParams | None) -> MuveraTable | None:
    if "muvera" not in raw:
        return None
    table = dict(reader.table(raw, "muvera"))
    asked = documents.recall if isinstance(documents, CodedParams) else None
    if asked is not None and table.setdefault("recall", asked) != asked:
        what = f"{asked} is not the recall of [muvera], {table['recall']}: both are of exact MaxSim's top 10"
        raise reader.error("ann.documents.recall", what, "say it once")
    params, retriever = reader.split(table, "muvera", FDEParams, RetrieverParams)
    return MuveraTable(params=params, retriever=retriever)


def _lexical(reader: _Reader, raw: Table) -> LexicalTable | None:
    if "lexical" not in raw:
        return None
    table = dict(reader.table(raw, "lexical"))
    if isinstance(table.get("stop_words"), list):
        table["stop_words"] = tuple(table["stop_words"])
    own = {name: table.pop(name) for name in ("fusion", "weight") if name in table}
    params = reader.params(LexicalParams, table, "lexical", extra=("fusion", "weight"))
    return reader.params(LexicalTable, own | {"params": params}, "lexical")


def _ann(reader: _Reader, table: Table, key: str) -> ANNParams | SpannParams:
    """An index in memory, or with ``kind = "spann"`` one whose lists stay on disk, which has keys of its own."""
    kind = table.get("kind", "auto")
    if kind == "spann":
        return reader.params(SpannParams, {name: value for name, value in table.items() if name != "kind"}, key)
    if kind not in KINDS:
        allowed = ", ".join(map(repr, (*KINDS, "spann")))
        raise reader.error(f"{key}.kind", f"{kind!r} cannot be used", f"allowed: {allowed}")
    return reader.params(ANNParams, table, key)


def _map(reader: _Reader, raw: Table) -> PaCMAPParams | None:
    """``[map]``; None for the principal components, which the service computes."""
    table = dict(reader.table(raw, "map"))
    if reader.choice(table, "map", "method", ("pca", "pacmap"), "pca") == "pacmap":
        return reader.params(PaCMAPParams, table, "map", extra=("method",))
    reader.known(table, "map", [field.name for field in dataclasses.fields(PaCMAPParams)] + ["method"])
    for name in table:
        raise reader.error(f"map.{name}", 'is of no use with method = "pca"', 'add method = "pacmap", or remove it')
    return None


def _ann_documents(reader: _Reader, raw: Table, ann: Table) -> ANNParams | CodedParams | SpannParams | None:
    """``[muvera]`` alone scans its encodings; the table says so when something else is wanted."""
    if "documents" not in ann and "muvera" not in raw:
        return None
    table = {"metric": "inner_product", "kind": "flat"} | reader.table(ann, "documents")
    if table["metric"] != "inner_product":
        raise reader.error(
            "ann.documents.metric", f"{table['metric']!r} cannot be used", "encodings need inner_product"
        )
    coded = table["kind"] in ("auto", "pq") or table.get("storage") == "codes"
    if coded:
        return reader.params(CodedParams, table, "ann.documents")
    return _ann(reader, table, "ann.documents")


def _check_needs(reader: _Reader, config: Config) -> None:
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


def _override(raw: Table, text: str) -> None:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise InvalidConfig(path="--set", key=text, what="not key.path=value", fix="write e.g. --set fastrp.dim=128")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    table = raw
    for part in parts[:-1]:
        below = table.setdefault(part, {})
        if not isinstance(below, dict):
            raise InvalidConfig(path="--set", key=key, what=f"{part} is a value, not a table", fix="check the key")
        table = below
    table[parts[-1]] = parsed


def _is_memory(text: str) -> bool:
    """Whether Dask understands it as a limit: "auto", a number of bytes or a share of all, or a number and a unit."""
    return text == "auto" or re.fullmatch(r"\d*\.?\d+\s*([kmgtp]?i?b)?", text.strip().lower()) is not None


class _Reader:
    """Turns tables into parameters, and whatever is wrong into an error with the file and the key."""

    def __init__(self, path: str, base: Path) -> None:
        self._path = path
        self._base = base

    def error(self, key: str, what: str, fix: str) -> InvalidConfig:
        return InvalidConfig(path=self._path, key=key, what=what, fix=fix)

    def at(self, key: str) -> _At:
        return _At(self, key)

    def table(self, raw: Table, key: str) -> Table:
        value = raw.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "a value where a table is needed", f"write [{key}]")
        return value

    def known(self, table: Table, key: str, allowed: Sequence[str]) -> None:
        for name in table:
            if name not in allowed:
                close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
                dotted = f"{key}.{name}" if key else name
                fix = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(allowed))}"
                raise self.error(dotted, "unknown key", fix)

    def resolve(self, source: str) -> str:
        return source if "://" in source else str((self._base / source).absolute())

    def source(self, table: Table, key: str, name: str = "source") -> str:
        value = table.pop(name, None)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key}.{name}", "missing or not a string", "name a file or a URL")
        return self.resolve(value)

    def choice(self, table: Table, key: str, name: str, allowed: Sequence[str], default: str) -> str:
        value = table.pop(name, default)
        if value not in allowed:
            raise self.error(f"{key}.{name}", f"{value!r} is not known", f"use one of {', '.join(allowed)}")
        return str(value)

    def flag(self, table: Table, key: str, name: str) -> bool:
        value = table.pop(name, False)
        if not isinstance(value, bool):
            raise self.error(f"{key}.{name}", f"{value!r} cannot be used", "allowed: true or false")
        return value

    def params(self, cls: type[T], table: object, key: str, extra: Sequence[str] = ()) -> T:
        """``table`` as an instance of the dataclass ``cls``."""
        if not isinstance(table, dict):
            raise self.error(key, "a value where a table is needed", f"write [{key}]")
        names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]  # T is a dataclass
        self.known(table, key, [*names, *extra])
        hints = get_type_hints(cls)
        for name, value in table.items():
            if isinstance(value, bool) and bool not in (hints.get(name), *get_args(hints.get(name))):
                fix = "true and false are for keys that are switched on or off"  # else they count as 1 and 0
                raise self.error(f"{key}.{name}", f"{str(value).lower()} cannot be used", fix)
        try:
            return pydantic.TypeAdapter(cls).validate_python(table)
        except pydantic.ValidationError as error:
            raise self._explained(error, key) from None
        except InvalidParams as error:
            raise self.error(
                f"{key}.{error.name}", f"{error.value!r} cannot be used", f"allowed: {error.allowed}"
            ) from None
        except EngineError as error:
            raise self.error(key, str(error), "mend that table") from None

    def split(self, table: Table, key: str, *classes: type[Any], extra: Sequence[str] = ()) -> tuple[Any, ...]:
        """One table shared by several dataclasses: each takes the keys it has fields for."""
        fields = [{f.name for f in dataclasses.fields(cls)} for cls in classes]
        self.known(table, key, sorted(set().union(*fields) | set(extra)))
        return tuple(
            self.params(cls, {name: value for name, value in table.items() if name in names}, key)
            for cls, names in zip(classes, fields, strict=True)
        )

    def _explained(self, error: pydantic.ValidationError, key: str) -> InvalidConfig:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InvalidParams):
            return self.error(f"{key}.{cause.name}", f"{cause.value!r} cannot be used", f"allowed: {cause.allowed}")
        dotted = ".".join([key, *(str(part) for part in first["loc"][:1])])
        if first["type"] == "missing":
            return self.error(dotted, "missing", "add it")
        allowed = (
            first["msg"].partition(",")[0] if first["type"].endswith(("_parsing", "_from_float")) else first["msg"]
        )
        allowed = allowed.removeprefix("Input should be ")
        return self.error(dotted, f"{first['input']!r} cannot be used", f"allowed: {allowed}")


class _At:
    """Errors of parameters raised inside become errors of this key."""

    def __init__(self, reader: _Reader, key: str) -> None:
        self._reader, self._key = reader, key

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        if isinstance(error, InvalidParams):
            raise self._reader.error(
                self._key, f"{error.value!r} cannot be used", f"allowed: {error.allowed}"
            ) from None
        return False
