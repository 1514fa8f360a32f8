"""``purlieu evaluate``: how good an index's search is by judged queries, with intervals."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.engine import Engine
    from vectors.judged.bootstrap import Interval
    from vectors.judged.measures import Measured
    from vectors.judged.runs import Run

_MEASURES = ("nDCG@10", "R@100", "RR@10", "AP")
_DEPTH = 100
_QUERIES_AT_ONCE = 64


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "evaluate",
        parents=[common],
        help="measure search on judged queries",
        description="Search for every judged query and print measures of the answers with 95 % bootstrap intervals. "
        "With --against, also the difference from another run, query by query.",
    )
    sub.add_argument("index", metavar="INDEX[@VERSION]")
    sub.add_argument("--queries", required=True, metavar="FILE", help="JSON lines of _id and text, or .tsv of id, text")
    sub.add_argument("--qrels", required=True, metavar="FILE", help="judgements, in BEIR's or TREC's columns")
    sub.add_argument("-k", type=int, metavar="N", help=f"documents taken for each query (default {_DEPTH})")
    sub.add_argument("--no-rerank", action="store_true", help="order by the encodings alone, without MaxSim")
    sub.add_argument("--ranking", choices=("tokens", "words", "both"), help="by tokens, words or both (default: all)")
    sub.add_argument(
        "--measure",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"of ir_measures (default {' '.join(_MEASURES)})",
    )
    sub.add_argument("--run", dest="run_file", metavar="FILE", help="write the answers, in TREC's six columns")
    sub.add_argument("--against", metavar="FILE", help="compare with this run, in TREC's six columns")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default 0)")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Search, measure, compare."""
    from purlieu.commands.store import split_version
    from purlieu.places import open_store
    from serving.engine import Engine
    from vectors.judged.bootstrap import difference_interval, mean_interval
    from vectors.judged.collection import read_judged
    from vectors.judged.measures import measure
    from vectors.judged.runs import read_run, write_run

    names = tuple(dict.fromkeys(args.measure or _MEASURES))
    qrels, queries = read_judged(args.qrels, args.queries)
    other = None if args.against is None else measure(qrels, read_run(args.against), names)
    index, version = split_version(args.index)
    engine = Engine.open(open_store(args), index, version)
    k = min(_DEPTH, engine.n_docs) if args.k is None else args.k
    answers = _search(engine, queries, k, rerank=not args.no_rerank, ranking=args.ranking)
    if args.run_file is not None:
        write_run(Path(args.run_file), answers, tag=f"{engine.index}@{engine.version}")
    found = measure(qrels, answers, names)
    rows: list[dict[str, Any]] = []
    for name in names:
        values = found.values[name]
        row = {"name": name, **_document(mean_interval(values, seed=args.seed)), "against": None, "difference": None}
        if other is not None:
            row["against"] = _document(mean_interval(other.values[name], seed=args.seed))
            row["difference"] = _document(difference_interval(values, other.values[name], seed=args.seed))
        rows.append(row)
    if args.json:
        return {
            "index": engine.index,
            "version": engine.version,
            "k": k,
            "n_queries": len(found.queries),
            "n_unanswerable": found.n_unanswerable,
            "n_unanswered": found.n_unanswered,
            "measures": rows,
        }
    print(f"{engine.index}@{engine.version}: {len(found.queries)} judged queries, the best {k} documents of each")
    _print(rows, found, other)
    return None


def _search(engine: Engine, queries: Mapping[str, str], k: int, *, rerank: bool, ranking: str | None) -> Run:
    from vectors.judged.runs import Scored

    ids, answers = list(queries), {}
    for start in range(0, len(ids), _QUERIES_AT_ONCE):
        some = ids[start : start + _QUERIES_AT_ONCE]
        results = engine.search([queries[id] for id in some], k=k, rerank=rerank, ranking=ranking)["results"]
        for id, hits in zip(some, results, strict=True):
            answers[id] = [Scored(str(hit["id"]), hit["score"]) for hit in hits]
    return answers


def _document(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _print(rows: Sequence[Mapping[str, Any]], found: Measured, other: Measured | None) -> None:
    from purlieu.tables import print_table

    header = ["measure", "mean", "95 % interval"]
    cells = [[row["name"], f"{row['mean']:.4f}", _ends(row)] for row in rows]
    if other is not None:
        header += ["against", "difference", "95 % interval"]
        for row, line in zip(rows, cells, strict=True):
            line += [f"{row['against']['mean']:.4f}", f"{row['difference']['mean']:+.4f}", _ends(row["difference"])]
    print_table(header, cells)
    if found.n_unanswerable:
        print(f"{found.n_unanswerable} judged queries without a relevant document are left out")
    for who, measured in (("", found), ("the run compared with: ", other)):
        if measured is not None and measured.n_unanswered:
            print(f"{who}{measured.n_unanswered} queries without an answer count as 0")


def _ends(interval: Mapping[str, float]) -> str:
    return f"{interval['low']:.4f} to {interval['high']:.4f}"
