"""What is asked of a server under load: one query a request, about nodes and titles drawn at random."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from serving.engine import Engine

N_BODIES = 2_000


def questions_for(engine: Engine) -> dict[str, list[str]]:
    """Bodies by endpoint; of ``nodes`` the queries instead."""
    random = np.random.default_rng(0)
    ids = [engine.node_ids[int(row)] for row in random.integers(0, len(engine.node_ids), N_BODIES)]
    made: dict[str, list[Any]] = {"nodes": [f"?prefix={str(id)[:3]}" for id in ids if str(id).isalnum()]}
    for question in engine.questions:
        match question:
            case "similar":
                made["similar"] = [{"ids": [id]} for id in ids]
            case "ppr":
                made["ppr"] = [{"queries": [{"seeds": {str(id): 1}}]} for id in ids]
                made["neighbourhood"] = [{"seeds": {str(id): 1}} for id in ids]
            case "community":
                made["community"] = [{"seeds": [id]} for id in ids]
            case "labels":
                made["labels"] = [{"ids": [id]} for id in ids]
            case "members":
                first = [engine.labels([id])["results"][0][0]["label"] for id in ids[:200]]
                made["members"] = [{"label": label} for label in first]
            case "search":
                titles = [str(hit.get("title", hit["id"])) for id in ids for hit in engine.nodes(str(id), limit=1)]
                made["search"] = [{"texts": [title]} for title in titles]
    if "similar" in made:
        made["related"] = [{"seeds": [id]} for id in ids]
    return {name: [one if isinstance(one, str) else json.dumps(one) for one in asked] for name, asked in made.items()}
