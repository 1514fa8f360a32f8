"""``[ann.nodes]`` and ``[ann.documents]``: an index in memory, of codes, or with its lists on disk."""

from __future__ import annotations

from flows.config_reader import ConfigReader, Table
from vectors.ann.params import KINDS, ANNParams
from vectors.coded.params import CodedParams
from vectors.spann.params import SpannParams


def ann_table(reader: ConfigReader, table: Table, key: str) -> ANNParams | SpannParams:
    """An index in memory, or with ``kind = "spann"`` one whose lists stay on disk, which has keys of its own."""
    kind = table.get("kind", "auto")
    if kind == "spann":
        return reader.params(SpannParams, {name: value for name, value in table.items() if name != "kind"}, key)
    if kind not in KINDS:
        allowed = ", ".join(map(repr, (*KINDS, "spann")))
        raise reader.error(f"{key}.kind", f"{kind!r} cannot be used", f"allowed: {allowed}")
    return reader.params(ANNParams, table, key)


def ann_documents_table(reader: ConfigReader, raw: Table, ann: Table) -> ANNParams | CodedParams | SpannParams | None:
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
    return ann_table(reader, table, "ann.documents")
