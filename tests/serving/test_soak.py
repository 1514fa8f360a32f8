"""A minute of what `make soak` does for half an hour: no error, no wrong or mixed answer, no growing memory."""

from __future__ import annotations

import random

import pytest

from artifacts.store import Store
from tests.serving.soak import GROWTH, Soaked, growth, soak, two_versions


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[str]]:
    return two_versions(tmp_path_factory.mktemp("soak"))


@pytest.mark.timeout(600)
def test_a_minute_under_load_and_new_versions_leaves_no_error_and_no_growth(published: tuple[Store, list[str]]) -> None:
    soaked = soak(*published, seconds=60)
    assert soaked.failures == []
    assert soaked.growth <= GROWTH, soaked.periods
    assert soaked.refused_rightly > 0
    assert soaked.reloads >= 10


@pytest.mark.timeout(600)
def test_every_worker_opens_every_version_and_none_gives_a_wrong_answer(published: tuple[Store, list[str]]) -> None:
    soaked = soak(*published, seconds=0, workers=2, reloads=10)
    assert soaked.failures == []
    assert (soaked.reloads, soaked.opened) == (10, 22)
    assert soaked.requests > 0


def test_memory_that_goes_on_growing_is_a_leak_and_a_late_start_is_none() -> None:
    draw = random.Random(0)
    peaks = [draw.choice([0.0, 0.0, 0.0, 30.0, 60.0]) for _ in range(300)]  # versions that are being opened
    leaking = [[200 + 0.1 * at + 30 * period + peak for at, peak in enumerate(peaks)] for period in range(3)]
    assert all(growth(one) > GROWTH for one in leaking)
    assert Soaked(periods=leaking).growth > GROWTH
    late = [150 + 0.3 * at + peak for at, peak in enumerate(peaks)]
    at_rest = [240 + peak for peak in peaks]
    assert growth(late) > GROWTH
    assert Soaked(periods=[late, at_rest]).growth <= GROWTH
