"""The report after a build: what was built and why, what it took, what changed, and whether the gate let it through.

`report_facts` is the whole of it as plain data; Markdown and HTML are drawn from that and from the artifacts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from artifacts.publish import Release
from artifacts.reports import write_report
from artifacts.store import Store
from flows.drift import Drift
from flows.gate import Check
from flows.report_blocks import Section, Table, Text
from flows.report_figures import artifact_sections, stage_charts
from flows.report_html import to_html
from flows.report_markdown import to_markdown
from flows.stages.runner import StageReport

FORMAT_VERSION = 1
Facts = Mapping[str, Any]


def leave_report(
    store: Store,
    release: Release,
    stages: Sequence[StageReport],
    checks: Sequence[Check],
    drift: Drift | None,
    without: str,
    failed: Sequence[str],
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """Write the report of a version; whatever goes wrong with it is told in one line, and the version stands.

    Facts and Markdown are written before anything is drawn, so that they are there even if drawing fails.
    """
    try:
        facts = report_facts(release, stages, checks, drift, without, failed, seconds)
        title = f"{release.index}@{release.version}"
        text = json.dumps(facts, indent=1, allow_nan=False) + "\n"
        write_report(store, release.index, release.version, {"json": text})
        sections = [*outcome_sections(facts), *artifact_sections(store, release), *detail_sections(facts)]
        write_report(store, release.index, release.version, {"md": to_markdown(title, sections)})
        write_report(store, release.index, release.version, {"html": to_html(title, sections)})
    except Exception as error:
        what = " ".join(str(error).split())
        say(f"the report of {release.index}@{release.version} is not complete: {type(error).__name__}: {what}")


def report_facts(
    release: Release,
    stages: Sequence[StageReport],
    checks: Sequence[Check],
    drift: Drift | None,
    without: str,
    failed: Sequence[str],
    seconds: float,
) -> dict[str, Any]:
    """The document of ``purlieu report --json``."""
    return {
        "format_version": FORMAT_VERSION,
        "index": release.index,
        "version": release.version,
        "created": release.created,
        "outcome": "withheld" if failed else "published",
        "failed": list(failed),
        "seconds": round(seconds, 3),
        "bytes": release.n_bytes,
        "stages": [
            {
                "name": stage.name,
                "state": _state(stage),
                "why": stage.why,
                "seconds": round(stage.seconds, 3),
                "peak_memory": stage.peak_memory,
                "bytes": stage.n_bytes,
                "parts": stage.n_parts,
                "parts_reused": stage.n_parts_reused,
                "rows": stage.n_rows,
                "rows_reused": stage.n_rows_reused,
            }
            for stage in stages
        ],
        "gate": [asdict(check) for check in checks],
        "drift": None if drift is None else drift.to_json(),
        "no_drift": without,
        "measured": dict(release.measured),
        "stats": dict(release.stats),
    }


def _state(stage: StageReport) -> str:
    return "cached" if stage.cached else "reused" if stage.n_parts_reused else "built"


def outcome_sections(facts: Facts) -> Iterator[Section]:
    """What an operator wants to know first."""
    yield Section("", [Text(_summary(facts))])
    if facts["gate"]:
        yield Section("Quality gate", [_gate_table(facts["gate"])])
    yield Section("What changed", _changes(facts))
    yield Section("Stages", [_stage_table(facts["stages"]), *stage_charts(facts["stages"])])


def detail_sections(facts: Facts) -> Iterator[Section]:
    """Every figure that was measured, and why each stage ran."""
    if facts["measured"]:
        yield Section("Measured", [_measured_table(facts["measured"])])
    yield Section("Why", [Table("Why each stage was kept or built", ["stage", "reason"], _reasons(facts["stages"]))])


def _summary(facts: Facts) -> str:
    n_cached = sum(stage["state"] == "cached" for stage in facts["stages"])
    took = (
        f"{len(facts['stages'])} stages, {n_cached} of them cached, {facts['bytes'] / 2**20:,.1f} MiB, "
        f"{facts['seconds']:,.1f} s, {facts['created']}."
    )
    name = f"`{facts['index']}@{facts['version']}`"
    if facts["outcome"] == "published":
        return f"{name} was **published**. {took}"
    return (
        f"{name} was built and **withheld** by the quality gate: {'; '.join(facts['failed'])}. {took} "
        f"To serve it all the same: `purlieu rollback {facts['index']} {facts['version']}`"
    )


def _stage_table(stages: Sequence[Facts]) -> Table:
    rows = [
        [
            stage["name"],
            stage["state"],
            "" if stage["state"] == "cached" else f"{stage['seconds']:,.2f} s",
            f"{stage['peak_memory'] / 2**20:,.0f} MiB" if stage["peak_memory"] else "",
            f"{stage['bytes'] / 2**20:,.1f} MiB",
            f"{stage['parts']}" + (f" ({stage['parts_reused']} reused)" if stage["parts_reused"] else ""),
        ]
        for stage in stages
    ]
    return Table(
        "Stages in the order they ran", ["stage", "state", "time", "peak memory", "on disk", "partitions"], rows
    )


def _gate_table(checks: Sequence[Facts]) -> Table:
    rows = [
        [
            check["name"],
            check["what"],
            check["note"] if check["found"] is None else f"{check['found']:.6g}",
            f"{'≥' if check['name'].startswith('min_') else '≤'} {check['allowed']:g}",
            "passed" if check["passed"] else "failed",
        ]
        for check in checks
    ]
    return Table("Thresholds of [gate]", ["threshold", "looks at", "found", "allowed", "result"], rows)


def _changes(facts: Facts) -> list[Text | Table]:
    drift = facts["drift"]
    if drift is None:
        return [Text(f"Nothing was compared: {facts['no_drift']}.")]
    counted = [
        [what, *(f"{counts[name]:,}" for name in ("before", "after", "added", "lost")), f"{lost_share(counts):.2%}"]
        for what, counts in ((what, drift[what]) for what in ("nodes", "edges", "documents"))
        if counts is not None
    ]
    churned = [
        [
            what,
            "same artifacts" if churn == {"mean": 0.0, "n_sampled": 0} else f"{churn['n_sampled']} sampled",
            "nothing to compare" if churn["mean"] is None else f"{churn['mean']:.1%}",
        ]
        for what, churn in (
            ("nearest nodes", drift["neighbours"]),
            ("rankings", drift["rankings"]),
            ("communities (1 - adjusted Rand index)", drift["communities"]),
            ("nearest documents", drift["similar_documents"]),
        )
        if churn is not None
    ]
    qualities = [
        [stage, name, f"{before:,}", f"{after:,}", "same" if after == before else _signed(after - before)]
        for stage, found in drift["measured"].items()
        for name, (before, after) in found.items()
    ]
    title = f"{facts['index']}@{drift['before']}"
    tables = (
        Table(f"Against {title}, by id", ["what", "before", "after", "added", "lost", "share lost"], counted),
        Table("Share of the answers that changed", ["answers", "compared", "changed"], churned),
        Table("Measured then and now", ["stage", "quality", "before", "after", "change"], qualities),
    )
    return [table for table in tables if table.rows]


def _signed(change: float) -> str:
    return f"{change:+,}" if isinstance(change, int) else f"{change:+.3g}"


def lost_share(counts: Facts) -> float:
    """Share of what was there before."""
    return float(counts["lost"]) / counts["before"] if counts["before"] else 0.0


def _measured_table(measured: Facts) -> Table:
    rows = [
        [stage, name, f"{value:,}" if isinstance(value, int) else f"{value}"]
        for stage, found in measured.items()
        for name, value in found.items()
        if value is not None and not isinstance(value, list | dict | tuple)
    ]
    return Table(
        "Qualities measured on held-out data, and what they were measured on", ["stage", "name", "value"], rows
    )


def _reasons(stages: Sequence[Facts]) -> list[list[str]]:
    without = {
        "cached": "an artifact with this digest was there",
        "reused": "there was no artifact with this digest, and finished partitions of it",
        "built": "there was no artifact with this digest, or it was forced",
    }
    return [[stage["name"], stage["why"] or without[stage["state"]]] for stage in stages]
