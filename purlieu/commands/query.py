"""``purlieu query INDEX similar | ppr | community | labels | members | search | related | explain``."""

from __future__ import annotations

import argparse
from typing import Any

from purlieu.commands.asked import add_where, condition, part, read_vectors, seed_weights, signal_weights
from purlieu.commands.shown import print_explanation, show
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
    add_where(similar, "nodes whose document has a field")
    similar.add_argument(
        "--near",
        nargs="+",
        action="extend",
        metavar="ID[=WEIGHT]",
        help="of the 1,000 nodes nearest to these, by likeness and nearness",
    )
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
    add_where(search, "documents that have a field")
    search.add_argument(
        "--within", nargs="+", action="extend", metavar="ID[=WEIGHT]", help="only documents of nodes around these"
    )
    search.add_argument(
        "--within-by",
        choices=("ppr", "community", "label"),
        help="which nodes: those that matter most seen from them (default), their community, or their labels'",
    )
    search.add_argument("--within-size", type=int, metavar="N", help="how many nodes (default 100; not with label)")
    search.add_argument("--explain", action="store_true", help="show which tokens and words matched")
    search.set_defaults(run=run_search)

    related = kinds.add_parser("related", parents=[common, limit], help="what is near by every signal together")
    related.add_argument(
        "--seed", nargs="+", action="extend", required=True, metavar="ID", help="all seeds make one query"
    )
    related.add_argument("--text", metavar="TEXT", help="search for it too")
    related.add_argument(
        "--weight",
        nargs="+",
        action="extend",
        metavar="SIGNAL=WEIGHT",
        help="which of similar, ppr, community, search take part, and how much (default: all that can, equally)",
    )
    related.set_defaults(run=run_related)

    explain = kinds.add_parser("explain", parents=[common, limit], help="why two nodes are near")
    explain.add_argument("--node", nargs="+", action="extend", required=True, metavar="ID", help="the two nodes")
    explain.set_defaults(run=run_explain)


def run_similar(args: argparse.Namespace) -> dict[str, Any] | None:
    """Nodes like each of the given ones."""
    near = None if args.near is None else seed_weights(args.near, "--near")
    answer = _engine(args).similar(ids=args.node, k=args.k, where=condition(args.where), near=near)
    return show(args, answer, args.node)


def run_ppr(args: argparse.Namespace) -> dict[str, Any] | None:
    """The ranking seen from the seeds together."""
    seeds = seed_weights(args.seed)
    answer = _engine(args).ppr([seeds], k=args.k, exact=args.exact, rmax=args.rmax)
    shown = show(args, answer, [" + ".join(seeds)])
    if not args.json:
        for note in answer["notes"]:
            print(f"note: {note.removeprefix('query 1: ')}")
        print(f"the ranking is within {answer['error_bound'][0]:.3g} of the exact one (sum of absolute differences)")
    return shown


def run_community(args: argparse.Namespace) -> dict[str, Any] | None:
    """The members around the seeds."""
    answer = _engine(args).community(args.seed, size=args.size, after=args.after, method=args.method)
    shown = show(args, answer, [" + ".join(args.seed)])
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
    merged = f" after merging; {answer['n_communities']:,} were found" if args.communities is not None else ""
    noun = "community" if answer["n_left"] == 1 else "communities"
    print(f"{answer['n_left']:,} {noun} in all{merged}")
    for note in answer["notes"]:
        print(f"note: {note}")
    return None


def run_members(args: argparse.Namespace) -> dict[str, Any] | None:
    """The members of one community."""
    answer = _engine(args).members(args.label, k=args.k)
    shown = show(args, answer, [f"community {args.label} of {answer['size']} nodes"])
    if not args.json and answer["path"][1:]:
        larger = answer["path"][1]
        print(f"merges into community {larger['label']} of {larger['size']} nodes")
    return shown


def _density(density: float | None) -> str:
    return "" if density is None else f"{density:.3g}"


def run_search(args: argparse.Namespace) -> dict[str, Any] | None:
    """Documents for each text, or for one set of token vectors."""
    how = {
        "k": args.k,
        "rerank": not args.no_rerank,
        "ranking": args.ranking,
        "where": condition(args.where),
        "within": part(args),
        "explain": args.explain,
    }
    if args.vectors is not None:
        return show(args, _engine(args).search(vectors=[read_vectors(args.vectors)], **how), [args.vectors])
    return show(args, _engine(args).search(texts=args.text, **how), args.text)


def run_related(args: argparse.Namespace) -> dict[str, Any] | None:
    """What is near the seeds by all signals."""
    weights = signal_weights(args.weight)
    answer = _engine(args).related(args.seed, text=args.text, k=args.k, weights=weights)
    return show(args, answer, [" + ".join(args.seed)])


def run_explain(args: argparse.Namespace) -> dict[str, Any] | None:
    """What brings two nodes together."""
    from foundation.errors import InvalidQuery

    if len(args.node) != 2:
        raise InvalidQuery(what=f"explain of {len(args.node)} nodes", fix="name two: --node A --node B")
    answer: dict[str, Any] = _engine(args).explain(*args.node, k=args.k)
    if args.json:
        return answer
    print_explanation(answer)
    return None


def _engine(args: argparse.Namespace) -> Any:
    from purlieu.commands.store import split_version
    from serving.engine import Engine

    index, version = split_version(args.index)
    return Engine.open(open_store(args), index, version)
