"""The fault campaign: ``python -P -m tests.faults [--seed S] [--only KIND[/PLACE[/NUMBER]]] [--write PAGE]``."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.campaign import Outcome, read_outcomes, run_cases, save_outcomes
from tests.faults.cases import SEED, Case, all_cases


def main() -> int:
    """Run the cases; 0 when every one went as promised."""
    words = argparse.ArgumentParser(prog="tests.faults", description="Seeded faults against real builds.")
    words.add_argument("--seed", type=int, default=SEED, help=f"of everything random (default {SEED})")
    words.add_argument("--only", action="append", default=[], help="cases whose name starts so; may be repeated")
    words.add_argument("--cases", type=int, help="a seeded sample of so many")
    words.add_argument(
        "--share", default="1/1", help="I/N: every N-th case from the I-th on; shares may run side by side"
    )
    words.add_argument("--save", type=Path, help="file for what came of the cases, read by --load")
    words.add_argument("--load", type=Path, action="append", default=[], help="run nothing, take what was saved")
    words.add_argument("--list", action="store_true", help="name the cases and run none")
    words.add_argument("--keep", type=Path, help="scratch directory, kept (default: a new one, removed)")
    words.add_argument("--write", type=Path, help="page whose table of outcomes is replaced")
    args = words.parse_args()
    cases = [case for case in all_cases(args.seed) if not args.only or case.name.startswith(tuple(args.only))]
    if args.cases is not None and args.cases < len(cases):
        chosen = set(random.Random(args.seed).sample(range(len(cases)), args.cases))
        cases = [case for number, case in enumerate(cases) if number in chosen]
    share, n_shares = (int(number) for number in args.share.split("/"))
    cases = cases[share - 1 :: n_shares]
    if args.list:
        _say("\n".join(case.name for case in cases))
        return 0
    outcomes = [outcome for path in args.load for outcome in read_outcomes(path)] if args.load else _run(args, cases)
    failed = [outcome for outcome in outcomes if outcome.failures]
    seconds = sum(outcome.seconds for outcome in outcomes)
    _say(f"{len(outcomes)} cases, {len(failed)} not as promised, {seconds / 60:.1f} min, seed {args.seed}")
    if args.save is not None:
        save_outcomes(args.save, outcomes)
    if args.write is not None:
        from tests.faults.report import write_page

        write_page(args.write, outcomes, args.seed)
    return 1 if failed else 0


def _run(args: argparse.Namespace, cases: list[Case]) -> list[Outcome]:
    scratch = args.keep or Path(tempfile.mkdtemp(prefix="purlieu-faults-"))
    outcomes: list[Outcome] = []
    try:
        for outcome in run_cases(cases, scratch):
            outcomes.append(outcome)
            _say(_line(outcome, len(outcomes), len(cases)))
    finally:
        if args.keep is None:
            shutil.rmtree(scratch, ignore_errors=True)
    return outcomes


def _line(outcome: Outcome, number: int, of: int) -> str:
    state = "skipped" if outcome.skipped else "FAILED" if outcome.failures else "ok"
    told = outcome.skipped or " || ".join(outcome.failures) or outcome.ended
    return f"{number:3}/{of} {state:7} {outcome.seconds:5.1f} s  {outcome.case.name}: {told}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
