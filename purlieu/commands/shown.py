"""Answers for people: tables of hits, of what matched, and of what brings two nodes together."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

Part = dict[str, Any]

# What answers add to the fields that the corpus keeps.
_NO_FIELDS = {"id", "score", "label", "size", "similarity", "ppr", "ranks", "weights", "why"}


def show(args: argparse.Namespace, answer: Part, names: Sequence[str]) -> Part | None:
    """Print a table for each list of hits, or with ``--json`` give the answer back."""
    if args.json:
        return answer
    for name, hits in zip(names, answer["results"], strict=True):
        print(f"{name}  ({answer['index']}@{answer['version']})")
        print_hits(hits)
        for hit in hits:
            if "why" in hit:
                print_why(hit)
    return None


def print_hits(hits: Sequence[Part]) -> None:
    """One list of hits: beside each its title, or the first of the fields that the corpus keeps."""
    from purlieu.tables import print_table

    if not hits:
        print("  nothing found")
        return
    kept = list(dict.fromkeys(name for hit in hits for name in hit if name not in _NO_FIELDS))
    shown = ["title"] if "title" in kept else kept[:1]
    rows = [[hit["id"], f"{hit['score']:.4f}", *(hit.get(name, "") for name in shown)] for hit in hits]
    print_table(["id", "score", *shown], rows)


def print_why(hit: Part) -> None:
    """What matched of one document."""
    ranks = ", ".join(f"{rank} by {name}" for name, rank in hit["why"]["ranks"].items())
    print(f"{hit['id']}: rank {ranks}")
    print_matches(hit["why"])


def print_matches(matched: Part) -> None:
    """Tokens and words that matched."""
    from purlieu.tables import print_table

    if matched["tokens"]:
        rows = [
            [_named(match, "query"), _named(match, "document"), f"{match['score']:.4f}"] for match in matched["tokens"]
        ]
        print_table(["token", "matches", "score"], rows)
    if matched["words"]:
        print_table(["word", "score"], [[match["word"], f"{match['score']:.4f}"] for match in matched["words"]])


def print_explanation(answer: Part) -> None:
    """Why two nodes are near."""
    from purlieu.tables import print_table

    a, b = (node["id"] for node in answer["nodes"])
    print(f"{a} and {b}  ({answer['index']}@{answer['version']})")
    if answer["paths"]:
        rows = [[f"{path['score']:.3g}", " - ".join(map(str, path["ids"]))] for path in answer["paths"]]
        print_table(["chance", "path"], rows)
    else:
        print(f"no path of up to three links from {a} to {b}")
    if answer["results"][0]:
        print("neighbours of both")
        print_hits(answer["results"][0])
    rows = [[name, _place(there), _place(back)] for name, (there, back) in answer["signals"].items()]
    if rows:
        print_table(["question", f"{b} for {a}", f"{a} for {b}"], rows)
    if answer["together"] is not None:
        print(f"both are in community {answer['together']['label']} of {answer['together']['size']} nodes")
    if answer["documents"] is not None:
        print_matches(answer["documents"])


def _place(seen: Part | None) -> str:
    return "not among the first 100" if seen is None else f"rank {seen['rank']}, {seen['score']:.4f}"


def _named(match: Part, side: str) -> str:
    written = match[f"{side}_token"]
    return f"#{match[side]}" if written is None else str(written)
