"""Does a build take longer than the time between two runs of its schedule?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from artifacts.health import in_words
from artifacts.journal import read_attempts
from artifacts.store import Store, index_name
from flows.estimate import estimate_build
from flows.schedules import interval_of
from flows.settings import Config
from foundation.errors import EngineError

_THEN = {
    "latest": "of those that wait the newest runs and the others end as Skipped",
    "all": "each that waits runs in its turn, so the queue grows",
    "none": "one that waited longer than {grace} ends as Skipped",
}


def warning_of(config: Config, store_root: str, schedule: Any, catch_up: str, grace: float | None) -> str | None:
    """One line when builds take longer than the schedule's interval; None when they do not."""
    interval = interval_of(schedule)
    expected = _expected(config, store_root)
    if expected is None or timedelta(seconds=expected[0]) <= interval:
        return None
    seconds, source = expected
    allowed = in_words(interval.total_seconds() if grace is None else grace)
    return (
        f"{source} {in_words(seconds)} and the schedule's interval is {in_words(interval.total_seconds())}: two builds "
        f"never run at once, a run that falls due meanwhile waits; {_THEN[catch_up].format(grace=allowed)}"
    )


def _expected(config: Config, store_root: str) -> tuple[float, str] | None:
    """Seconds of a build that computes something, and where the figure is from.

    A night without news takes no time, so the longest build that the journal knows counts.
    """
    try:
        store = Store.open(store_root)
        took = [a.seconds for a in read_attempts(store, config.name) if a.outcome == "published"]
        if took:
            return max(took), "the longest of the last builds took"
        last = store.place.read(f"{index_name(config.name)}/last_build.json")
        return float(json.loads(last)["seconds"]), "the last build took"
    except (EngineError, OSError, ValueError, KeyError, TypeError):
        pass  # an estimate is as good a warning
    try:
        return float(estimate_build(config, store_root)["total"]["seconds"]), "a build is estimated to take"
    except (EngineError, OSError):
        return None  # the source is not there yet, for example: the run will say so
