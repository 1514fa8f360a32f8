"""The page's tables: kinds and places with what became of their cases, and the same by stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.faults.base import STAGES
from tests.faults.campaign import Outcome
from tests.faults.cases import KINDS

BEGIN, END = "<!-- outcomes: written by make faults -->", "<!-- end of outcomes -->"


def write_page(page: Path, outcomes: Sequence[Outcome], seed: int) -> None:
    """Replace what stands between the marks of ``page``."""
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{tables(outcomes, seed)}\n{END}{after}")


def tables(outcomes: Sequence[Outcome], seed: int) -> str:
    """Markdown."""
    wrong = [outcome for outcome in outcomes if outcome.failures]
    skipped = sum(bool(outcome.skipped) for outcome in outcomes)
    held = len(outcomes) - len(wrong) - skipped
    minutes = sum(outcome.seconds for outcome in outcomes) / 60
    lines = [
        f"{len(outcomes)} cases of seed {seed} in {minutes:.0f} minutes: {held} as promised, "
        f"{len(wrong)} not, {skipped} skipped.",
        "",
        "| kind | place | cases | as promised | the disturbed command | longest recovery |",
        "|---|---|---:|---:|---|---:|",
    ]
    for kind in KINDS:
        of_kind = [outcome for outcome in outcomes if outcome.case.kind == kind]
        lines += _rows(of_kind, lambda outcome: place(outcome.case.place), f"| {kind} ")
    lines += ["", "The same cases by the stage in which the fault struck, where it struck in one:", ""]
    lines += ["| stage | cases | as promised | the disturbed command | longest recovery |", "|---|---:|---:|---|---:|"]
    staged = [outcome for outcome in outcomes if stage_of(outcome)]
    lines += _rows(sorted(staged, key=lambda outcome: STAGES.index(stage_of(outcome))), stage_of, "")
    if wrong:
        lines += ["", "Not as promised:", ""]
        lines += [f"- `{outcome.case.name}`: {'; '.join(outcome.failures)[:400]}" for outcome in wrong]
    return "\n".join(lines) + "\n"


def place(text: str) -> str:
    """A place without its stage and its number."""
    words = [word for word in re.split(r"(?<=[,:]) | ", text) if word.rstrip(",") not in STAGES or word == "graph:"]
    return re.sub(r"[ ,]*\b\d+ (%|s)$|^\d+ ", "", " ".join(words)).strip(" ,") or "in a stage"


def stage_of(outcome: Outcome) -> str:
    """The stage of a case's place, "" when it has none."""
    return next((word for word in re.split("[ ,:]+", outcome.case.place) if word in STAGES), "")


def _rows(outcomes: Iterable[Outcome], group: Callable[[Outcome], str], lead: str) -> list[str]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(group(outcome), []).append(outcome)
    rows = []
    for name, members in groups.items():
        ran = [outcome for outcome in members if not outcome.skipped]
        held = sum(not outcome.failures for outcome in ran)
        ends = Counter(_end(outcome) for outcome in ran)
        told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or members[0].skipped
        longest = max((outcome.recovery for outcome in ran), default=0.0)
        rows.append(f"{lead}| {name} | {len(members)} | {held} | {told} | {longest:.1f} s |")
    return rows


def _end(outcome: Outcome) -> str:
    if outcome.ended.startswith("purlieu: interrupted"):
        return "interrupted"
    if outcome.ended.startswith("purlieu: "):
        return "ended with one line"
    if outcome.ended.startswith("exit codes"):
        return "with one refused" if "1" in outcome.ended else "both done"
    if "answers as before" in outcome.ended:
        return outcome.ended.partition(";")[0]
    return outcome.ended.partition(" ")[0].rstrip(";") or "not run"
