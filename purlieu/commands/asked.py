"""What the words of a question mean: weighted seeds, filters, parts of a graph, files of vectors."""

from __future__ import annotations

import argparse
import json
import math
import tokenize
from collections.abc import Sequence
from typing import Any


def add_where(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--where``."""
    parser.add_argument(
        "--where",
        action="append",
        metavar="FIELD=VALUE",
        help=f"only {what} with this value (of one field named twice either value), or a condition in JSON",
    )


def seed_weights(words: Sequence[str], option: str = "--seed") -> dict[str, float]:
    """``ID`` or ``ID=WEIGHT``, sums where an id comes again; one that holds "=" is understood when what follows is no
    number."""
    from foundation.errors import InvalidQuery

    seeds: dict[str, float] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        try:
            weight = float(text) if equals else 1.0
        except ValueError:
            name, equals, weight = word, "", 1.0
        seed = name if equals else word
        if not seed:
            raise InvalidQuery(what=f"{option} {word!r} names no node", fix="write ID or ID=WEIGHT")
        if not (math.isfinite(weight) and weight > 0):
            raise InvalidQuery(what=f"seed {seed!r} has weight {weight!r}", fix="weights are positive, finite numbers")
        seeds[seed] = seeds.get(seed, 0.0) + weight
    return seeds


def condition(words: Sequence[str] | None) -> dict[str, Any] | None:
    """What `vectors.corpus.filters` takes: all of the fields, and of each field one of its values."""
    from foundation.errors import InvalidQuery

    values: dict[str, list[str]] = {}
    conditions: list[dict[str, Any]] = []
    for word in words or ():
        field, equals, value = word.partition("=")
        if word.lstrip().startswith("{"):
            try:
                conditions.append(json.loads(word))
            except (ValueError, RecursionError):
                raise InvalidQuery(what=f"--where {word!r} is no JSON", fix="write FIELD=VALUE, or JSON") from None
        elif not equals or not field:
            raise InvalidQuery(what=f"--where {word!r} compares nothing", fix="write FIELD=VALUE, or JSON")
        else:
            values.setdefault(field, []).append(value)
    if values:
        conditions.insert(0, {field: one if len(one) > 1 else one[0] for field, one in values.items()})
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"and": conditions}


def part(args: argparse.Namespace) -> dict[str, Any] | None:
    """The part of the graph that ``--within`` and its companions name.

    Raises
    ------
    InvalidQuery
        For companions without it.
    """
    from foundation.errors import InvalidQuery

    if args.within is None:
        if args.within_by is not None or args.within_size is not None:
            raise InvalidQuery(what="--within-by and --within-size without --within", fix="name nodes: --within ID …")
        return None
    named: dict[str, Any] = {"seeds": seed_weights(args.within, "--within")}
    if args.within_by is not None:
        named["by"] = args.within_by
    if args.within_size is not None:
        named["size"] = args.within_size
    return named


def signal_weights(words: Sequence[str] | None) -> dict[str, float] | None:
    """``SIGNAL=WEIGHT``; what a signal is is the engine's to say."""
    from foundation.errors import InvalidQuery

    weights: dict[str, float] = {}
    for word in words or ():
        name, _, text = word.partition("=")
        try:
            weights[name] = float(text)
        except ValueError:
            raise InvalidQuery(what=f"--weight {word!r} has no number", fix="write SIGNAL=WEIGHT") from None
    return weights or None


def read_vectors(path: str) -> Any:
    """The array of a ``.npy`` file.

    Raises
    ------
    InvalidInput
    """
    import numpy as np

    from foundation.errors import InvalidInput

    try:
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise InvalidInput(source=path, what="no such file", fix="name a .npy file") from None
    except OSError as error:
        raise InvalidInput(source=path, what=f"cannot be read ({error.strerror})", fix="name a .npy file") from None
    except (ValueError, EOFError, SyntaxError, TypeError, tokenize.TokenError):
        raise InvalidInput(
            source=path, what="not a whole .npy file of numbers", fix="write it with numpy.save"
        ) from None
