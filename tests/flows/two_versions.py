"""The small index twice: as it is, and after a night in which nodes, documents and edges came and went."""

from __future__ import annotations

import json
from pathlib import Path

GONE = tuple(f"n{number:03d}" for number in range(40, 50))
COME = tuple(f"x{number}" for number in range(5))


def change_sources(directory: Path) -> None:
    """Remove ten nodes with their documents, add five of each, and exchange some edges."""
    edges = directory / "edges.tsv"
    lines = [line for line in edges.read_text().splitlines() if not any(node in line for node in GONE)]
    del lines[100:120]
    lines += [f"{node}\tn00{number}\tstrong" for number, node in enumerate(COME)]
    lines += [f"n{number:03d}\tn{number + 7:03d}\tstrong" for number in range(200, 230)]
    edges.write_text("\n".join(lines) + "\n")
    docs = directory / "docs.jsonl"
    kept = [line for line in docs.read_text().splitlines() if json.loads(line)["_id"] not in GONE]
    kept += [json.dumps({"_id": node, "title": "late", "text": "chess board", "topic": "chess"}) for node in COME]
    docs.write_text("\n".join(kept) + "\n")


def edge_pairs(directory: Path) -> set[tuple[str, str]]:
    """Source and target of every edge that weighs something, read line by line."""
    rows = [line.split("\t") for line in (directory / "edges.tsv").read_text().splitlines()[2:]]
    return {(src, dst) for src, dst, type in rows if type != "never"}


def doc_ids(directory: Path) -> set[str]:
    """Ids of all documents."""
    return {json.loads(line)["_id"] for line in (directory / "docs.jsonl").read_text().splitlines()}
