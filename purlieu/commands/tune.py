"""``purlieu tune``: the ``[fastrp]`` table that suits a graph's labels, or its own edges, best."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artifacts.store import Store
    from flows.graph_tables import FastRPTable
    from graph.fastrp_tuning import Trial, TunedFastRP


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "tune",
        parents=[common],
        help="find the [fastrp] table that suits a graph best",
        description="Search FastRP's weights, hops and normalization strength on the graph of CONFIG.toml, and print "
        "the best [fastrp] table. Nothing is written.",
    )
    sub.add_argument("config", metavar="CONFIG.toml")
    what = sub.add_mutually_exclusive_group(required=True)
    what.add_argument("--labels", metavar="FILE", help="predict labels: lines of id, tab, label")
    what.add_argument("--held-out", type=float, metavar="SHARE", help="find this share of the edges again, e.g. 0.1")
    sub.add_argument(
        "--metric", help="mean_f1 (default), micro_f1 or macro_f1 of labels; mrr (default), auc or precision of edges"
    )
    sub.add_argument("--trials", type=int, default=60, metavar="N", help="candidates tried (default 60)")
    sub.add_argument("--max-hops", type=int, default=6, metavar="N", help="hops tried (default 6)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of folds and candidates (default 0)")
    sub.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE", help="change one key"
    )
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Tune, and print a table ready to paste."""
    from flows.config_graph import fastrp_features, fastrp_graph, fastrp_table
    from flows.console import ConsoleProgress
    from flows.settings import read_config
    from graph.fastrp_tuning import tune
    from graph.readers.labels import read_labels

    config = read_config(args.config, args.overrides)
    table = fastrp_table(config)
    graph = fastrp_graph(config, args.config, _store(args))
    labels = None if args.labels is None else read_labels(args.labels, graph.node_ids).matrix
    tuned = tune(
        graph,
        table.params,
        labels=labels,
        features=fastrp_features(table, graph),
        held_out=args.held_out,
        metric=args.metric,
        n_trials=args.trials,
        max_hops=args.max_hops,
        seed=args.seed,
        n_threads=config.runtime.workers * config.runtime.threads_per_worker,
        progress=ConsoleProgress(),
    )
    toml = _toml(table, config.raw.get("fastrp", {}), tuned)
    finals = [trial for trial in tuned.trials if trial.stage == "final"]
    if args.json:
        return {
            "metric": tuned.metric,
            "score": tuned.score,
            "spread": tuned.spread,
            "start_score": tuned.start_score,
            "iteration_weights": list(tuned.params.iteration_weights),
            "normalization_strength": tuned.params.normalization_strength,
            "toml": toml,
            "trials": [_document(trial) for trial in tuned.trials],
        }
    from purlieu.tables import print_table

    print(f"{tuned.metric} in {tuned.params.dim} dimensions, on folds that the search has not seen:")
    rows = [
        [f"{t.score:.4f}", f"{t.spread:.4f}", t.normalization_strength, list(t.iteration_weights), note]
        for t, note in zip(finals, ["as given", *[""] * len(finals)], strict=False)
    ]
    print_table([tuned.metric, "spread", "strength", "iteration weights", ""], rows)
    print(f"\n{toml}", end="")
    return None


def _store(args: argparse.Namespace) -> Store | None:
    """The store, if there is one: without it the source is read."""
    from foundation.errors import ArtifactMissing
    from purlieu.places import open_store

    try:
        return open_store(args)
    except ArtifactMissing:
        return None


def _toml(table: FastRPTable, raw: dict[str, Any], tuned: TunedFastRP) -> str:
    """The table as it was written, with what was tuned in its place."""
    keys = {"orientation": table.orientation, "mode": table.params.mode, "dim": table.params.dim, **raw}
    keys["iteration_weights"] = list(tuned.params.iteration_weights)
    keys["normalization_strength"] = tuned.params.normalization_strength
    return "\n".join(["[fastrp]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]) + "\n"


def _document(trial: Trial) -> dict[str, Any]:
    return {**trial._asdict(), "iteration_weights": list(trial.iteration_weights)}
