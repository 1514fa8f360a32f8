"""``purlieu deploy``: builds on a schedule, by a Prefect server and its worker."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

POLICIES = ("latest", "all", "none")


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command's words."""
    sub = commands.add_parser(
        "deploy",
        parents=[common],
        help="build on a schedule: a Prefect deployment",
        description="Create or update the Prefect deployment that builds CONFIG.toml on a schedule, on the server that "
        "PREFECT_API_URL names. Without a schedule: show the deployment there is.",
    )
    sub.add_argument("config", metavar="CONFIG.toml")
    what = sub.add_mutually_exclusive_group()
    what.add_argument("--cron", metavar='"M H D M W"', help='a cron line, e.g. "30 2 * * *" for 02:30 every day')
    what.add_argument("--interval", type=float, metavar="SECONDS", help="every so many seconds")
    what.add_argument("--pause", action="store_true", help="schedule no more runs")
    what.add_argument("--resume", action="store_true", help="schedule runs again")
    what.add_argument("--remove", action="store_true", help="delete the deployment; the store is left as it is")
    sub.add_argument("--timezone", metavar="TZ", help="of the cron line, e.g. Europe/Berlin (default UTC)")
    sub.add_argument("--name", metavar="N", help="of the deployment (default the index's)")
    sub.add_argument("--pool", metavar="POOL", default="purlieu", help="process work pool, made if missing")
    sub.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE", help="change one key"
    )
    sub.add_argument(
        "--catch-up", choices=POLICIES, default="latest", help="which of the runs that come late do the work"
    )
    sub.add_argument("--grace", type=float, metavar="SECONDS", help="how late a run may be with --catch-up none")
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Deploy, or do what is asked with the deployment there is."""
    scheduled = args.cron is not None or args.interval is not None
    _check_words(args, scheduled)
    from flows.server import check_api

    if url := os.environ.get("PREFECT_API_URL"):  # before Prefect is imported, which takes a busy machine many seconds
        check_api(url)
    # Prefect's own log lines are no part of what this command says.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    from flows.settings import read_config

    name = args.name
    if scheduled or name is None:
        config = read_config(args.config, args.overrides)
        name = name or config.name
    warnings: list[str] = []
    from flows import deployments

    if scheduled:
        from flows.pace import warning_of
        from flows.schedules import cron, interval

        schedule = cron(args.cron, args.timezone) if args.cron is not None else interval(args.interval)
        wanted = deployments.Wanted(
            name=name,
            pool=args.pool,
            schedule=schedule,
            parameters=deployments.parameters_of(args.config, args.store, args.overrides, args.catch_up, args.grace),
        )
        with deployments.server() as client:
            found = deployments.deploy(client, wanted)
        action = "created" if found.created else "updated"
        slow = warning_of(config, args.store, schedule, args.catch_up, args.grace)
        warnings += [] if slow is None else [slow]
    else:
        verb, action = next(
            (
                pair
                for pair in (("pause", "paused"), ("resume", "resumed"), ("remove", "removed"))
                if getattr(args, pair[0])
            ),
            ("describe", "shown"),
        )
        with deployments.server() as client:
            found = getattr(deployments, verb)(client, name)
    if not found.workers and action != "removed":
        warnings.append(
            f"no worker polls the pool {found.pool}: runs wait until one is started with "
            f"`prefect worker start --pool {found.pool} --type process`"
        )
    for warning in warnings:
        print(f"purlieu: note: {warning}", file=sys.stderr)
    document = {"action": action, **found.to_json(), "warnings": warnings}
    if args.json:
        return document
    _print(document)
    return None


def _check_words(args: argparse.Namespace, scheduled: bool) -> None:
    from foundation.errors import InvalidParams

    if args.timezone is not None and args.cron is None:
        raise InvalidParams(name="--timezone", value=args.timezone, allowed="with --cron only")
    if args.grace is not None and (args.catch_up != "none" or not args.grace >= 0):
        raise InvalidParams(name="--grace", value=args.grace, allowed="0 or more seconds, with --catch-up none only")
    if not scheduled and (args.overrides or args.catch_up != "latest"):
        raise InvalidParams(
            name="--set" if args.overrides else "--catch-up",
            value=args.overrides or args.catch_up,
            allowed="together with --cron or --interval, which deploy",
        )


def _print(document: dict[str, Any]) -> None:
    state = " (paused: --resume begins again)" if document["paused"] and document["action"] != "removed" else ""
    print(f"{document['deployment']}: {document['action']}{state}")
    if document["action"] == "removed":
        return
    parameters = document["parameters"]
    print(f"builds    {parameters.get('config')} into {parameters.get('store')}")
    print(f"when      {'; '.join(document['schedules']) or 'never: it has no schedule'}")
    print(f"late runs {parameters.get('catch_up', 'latest')}")
    print(f"pool      {document['pool']}, {len(document['workers'])} workers online")
    if document["coming"]:
        print(f"next      {', '.join(document['coming'])}")
    last = document["last_run"]
    if last is not None:
        message = f": {last['message']}" if last["message"] else ""
        print(f"last run  {last['name']}, {last['state']}{message}, began {last['started']}, {last['seconds']} s")
