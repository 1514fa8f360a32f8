"""``purlieu query INDEX similar | ppr | community | labels | members | search``."""

from __future__ import annotations

import argparse
import math
import tokenize
from collections.abc import Sequence
from typing import Any

from purlieu.places import open_store

STEPS = 8  # communities shown of the way to the largest one


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words. The index may be pinned to a version: ``INDEX@VERSION``."""
    query = commands.add_parser("query", help="ask an index what is near")
    query.add_argument("index", metavar="INDEX[@VERSION]")
    kinds = query.add_subparsers(title="questions", dest="question", required=True, metavar="QUESTION")
    limit = argparse.ArgumentParser(add_help=False)
    limit.add_argument("-k", type=int, default=10, metavar="N", help="how many answers (default 10)")

    similar = kinds.add_parser("similar", parents=[common, limit], help="nodes that play a similar role")
    similar.add_argument("--node", nargs="+", action="extend", required=True, metavar="ID", help="one query per node")
    similar.set_defaults(run=run_similar)

    ppr = kinds.add_parser("ppr", parents=[common, limit], help="what matters most, seen from the seeds")
    ppr.add_argument(
        "--seed", nargs="+", action="extend", required=True, metavar="ID[=WEIGHT]", help="all seeds make one query"
    )
    ppr.add_argument("--exact", action="store_true", help="iterate to 1e-10 instead of using the index")
    ppr.add_argument(
        "--rmax",
        type=float,
        metavar="X",
        help="effort, 1e-8 to 1: smaller is slower and closer (default: as configured)",
    )
    ppr.set_defaults(run=run_ppr)

    community = kinds.add_parser("community", parents=[common], help="the community that surrounds the seeds")
    community.add_argument(
        "--seed", nargs="+", action="extend", required=True, metavar="ID", help="all seeds make one query"
    )
    community.add_argument(
        "--size", type=int, metavar="N", help="members wanted, the seeds among them (default: as configured)"
    )
    community.add_argument(
        "--after", type=int, default=0, metavar="N", help="leave out the first N members (default 0)"
    )
    community.add_argument("--method", metavar="M", help="how candidates are ranked (default: as configured)")
    community.set_defaults(run=run_community)

    labels = kinds.add_parser("labels", parents=[common], help="which community of the whole graph a node is in")
    labels.add_argument("--node", nargs="+", action="extend", required=True, metavar="ID", help="one answer per node")
    labels.add_argument(
        "--communities", type=int, metavar="N", help="merge until so many are left (default: none are merged)"
    )
    labels.set_defaults(run=run_labels)

    members = kinds.add_parser("members", parents=[common, limit], help="the nodes of a community of the whole graph")
    members.add_argument("--label", type=int, required=True, metavar="N", help="its number, as labels gives it")
    members.set_defaults(run=run_members)

    search = kinds.add_parser("search", parents=[common, limit], help="documents that answer a text, token by token")
    what = search.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", action="append", metavar="TEXT", help="one query per --text")
    what.add_argument("--vectors", metavar="FILE.npy", help="token vectors of one query, (n_tokens, dim)")
    search.add_argument("--no-rerank", action="store_true", help="order by the encodings alone, without MaxSim")
    search.add_argument(
        "--ranking",
        choices=("tokens", "words", "both"),
        help="by tokens, by words, or both (default: all that was built)",
    )
    search.set_defaults(run=run_search)


def run_similar(args: argparse.Namespace) -> dict[str, Any] | None:
    """Nodes like each of the given ones."""
    return _show(args, _engine(args).similar(ids=args.node, k=args.k), args.node)


def run_ppr(args: argparse.Namespace) -> dict[str, Any] | None:
    """The ranking seen from the seeds together."""
    seeds = _weights(args.seed)
    answer = _engine(args).ppr([seeds], k=args.k, exact=args.exact, rmax=args.rmax)
    shown = _show(args, answer, [" + ".join(seeds)])
    if not args.json:
        for note in answer["notes"]:
            print(f"note: {note.removeprefix('query 1: ')}")
        print(f"the ranking is within {answer['error_bound'][0]:.3g} of the exact one (sum of absolute differences)")
    return shown


def run_community(args: argparse.Namespace) -> dict[str, Any] | None:
    """The members around the seeds."""
    answer = _engine(args).community(args.seed, size=args.size, after=args.after, method=args.method)
    shown = _show(args, answer, [" + ".join(args.seed)])
    if not args.json:
        for note in answer["notes"]:
            print(f"note: {note}")
    return shown


def run_labels(args: argparse.Namespace) -> dict[str, Any] | None:
    """The community of each node, and those it merges into."""
    answer: dict[str, Any] = _engine(args).labels(args.node, communities=args.communities)
    if args.json:
        return answer
    from purlieu.tables import print_table

    for (hit,), path in zip(answer["results"], answer["paths"], strict=True):
        print(f"{hit['id']}  ({answer['index']}@{answer['version']})")
        shown = path if len(path) <= STEPS + 1 else [*path[:STEPS], path[-1]]
        rows = [[str(step["label"]), str(step["size"]), _density(step["density"])] for step in shown]
        print_table(["label", "nodes", "density of the merge"], rows)
        if len(shown) < len(path):
            print(f"{len(path) - len(shown)} communities before the last are left out; --json has them")
    return None


def run_members(args: argparse.Namespace) -> dict[str, Any] | None:
    """The members of one community."""
    answer = _engine(args).members(args.label, k=args.k)
    shown = _show(args, answer, [f"community {args.label} of {answer['size']} nodes"])
    if not args.json and answer["path"][1:]:
        larger = answer["path"][1]
        print(f"merges into community {larger['label']} of {larger['size']} nodes")
    return shown


def _density(density: float | None) -> str:
    return "" if density is None else f"{density:.3g}"


def run_search(args: argparse.Namespace) -> dict[str, Any] | None:
    """Documents for each text, or for one set of token vectors."""
    engine, rerank = _engine(args), not args.no_rerank
    if args.vectors is not None:
        answer = engine.search(vectors=[_read_vectors(args.vectors)], k=args.k, rerank=rerank, ranking=args.ranking)
        return _show(args, answer, [args.vectors])
    return _show(args, engine.search(texts=args.text, k=args.k, rerank=rerank, ranking=args.ranking), args.text)


def _engine(args: argparse.Namespace) -> Any:
    from purlieu.commands.store import split_version
    from serving.engine import Engine

    index, version = split_version(args.index)
    return Engine.open(open_store(args), index, version)


def _weights(words: Sequence[str]) -> dict[str, float]:
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
            raise InvalidQuery(what=f"--seed {word!r} names no node", fix="write ID or ID=WEIGHT")
        if not (math.isfinite(weight) and weight > 0):
            raise InvalidQuery(what=f"seed {seed!r} has weight {weight!r}", fix="weights are positive, finite numbers")
        seeds[seed] = seeds.get(seed, 0.0) + weight
    return seeds


def _read_vectors(path: str) -> Any:
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


def _show(args: argparse.Namespace, answer: dict[str, Any], names: Sequence[str]) -> dict[str, Any] | None:
    if args.json:
        return answer
    from purlieu.tables import print_table

    for name, hits in zip(names, answer["results"], strict=True):
        print(f"{name}  ({answer['index']}@{answer['version']})")
        if not hits:
            print("  nothing found")
            continue
        rows = [[hit["id"], f"{hit['score']:.4f}", hit.get("title", "")] for hit in hits]
        print_table(["id", "score", "title"], rows)
    return None
