"""A sample of the fault campaign that needs no servers: cheap cases of each kind that can do without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.base import Base, make_base
from tests.faults.campaign import Outcome, run_case
from tests.faults.cases import KINDS, SEED, Case, all_cases
from tests.faults.report import place, tables
from tests.faults.resources import Resources

SAMPLE = (
    "killed/flow, lsh part/1",
    "killed/flow, pointer/1",
    "cancelled/threads SIGINT, fastrp begin/1",
    "cancelled/threads SIGTERM, fastrp assemble/1",
    "damaged/served release, flip/1",
    "damaged/cached graph.undirected, missing/1",
    "damaged/half-built lsh, cut/1",
    "races/directory: same config, wait/1",
    "clock/publish/1",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make_base(tmp_path_factory.mktemp("base") / "lite", lite=True)


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resources]:
    opened = Resources(tmp_path_factory.mktemp("resources"))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", SAMPLE)
def test_a_fault_is_survived(name: str, base: Base, resources: Resources, tmp_path: Path) -> None:
    case = next(case for case in all_cases() if case.name == name)
    outcome = run_case(case, base, tmp_path / "case", resources)
    assert not outcome.failures
    assert outcome.ended


def test_the_campaign_has_two_hundred_cases_of_different_names() -> None:
    cases = all_cases()
    assert len(cases) >= 200
    assert len({case.name for case in cases}) == len(cases)
    assert {case.kind for case in cases} == set(KINDS)


def test_the_randomness_of_a_case_is_its_own() -> None:
    case = Case("killed", "flow, any moment", 1, SEED)
    assert case.random().random() == case.random().random()
    others = [dataclasses.replace(case, number=2), dataclasses.replace(case, seed=1)]
    assert len({found.random().random() for found in (case, *others)}) == 3


def test_the_tables_count_what_was_and_was_not_as_promised() -> None:
    case = Case("killed", "flow, lsh part", 1, SEED)
    good = Outcome(case=case, ended="killed", failures=(), skipped="", recovery=2.0, seconds=4.0)
    bad = dataclasses.replace(good, failures=("verify: x",), case=dataclasses.replace(case, number=2), recovery=3.0)
    text = tables([good, bad], SEED)
    assert "2 cases of seed 20260 in 0 minutes: 1 as promised, 1 not, 0 skipped." in text
    assert "| killed | flow, part | 2 | 1 | 2 killed | 3.0 s |" in text
    assert "| lsh | 2 | 1 | 2 killed | 3.0 s |" in text
    assert "- `killed/flow, lsh part/2`: verify: x" in text


@pytest.mark.parametrize(
    ("text", "known_as"),
    [
        ("flow, lsh part", "flow, part"),
        ("error, 35 %", "error"),
        ("gone, 12 s", "gone"),
        ("16 KiB free", "KiB free"),
        ("served graph manifest, flip", "served manifest, flip"),
        ("cached graph, flip", "cached flip"),
        ("worker, fastrp", "worker"),
        ("directory: gc, no wait", "directory: gc, no wait"),
    ],
)
def test_places_are_grouped_without_stage_and_number(text: str, known_as: str) -> None:
    assert place(text) == known_as
