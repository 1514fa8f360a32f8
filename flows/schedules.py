"""Schedules: checked as Prefect checks them, and when they fall due."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.server.schemas import schedules as server

from foundation.errors import InvalidParams

# Intervals are counted from here, so that deploying again does not shift them.
ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
LOOK_AHEAD = 32  # occurrences looked at for the shortest interval of a cron line: more than a month of nights


def cron(text: str, timezone: str | None) -> CronSchedule:
    """A schedule from a cron line; without a time zone it speaks of UTC.

    Raises
    ------
    InvalidParams
        The line, or the time zone, cannot be used.
    """
    try:
        schedule = CronSchedule(cron=text, timezone=timezone or "UTC")
    except pydantic.ValidationError as error:
        if "timezone" in error.errors()[0]["loc"]:
            raise InvalidParams(
                name="--timezone", value=timezone, allowed="an IANA name such as Europe/Berlin"
            ) from None
        raise InvalidParams(
            name="--cron",
            value=text,
            allowed='five fields, minute hour day month weekday, e.g. "30 2 * * *" for 02:30 every day',
        ) from None
    if not dates(schedule, 1):
        raise InvalidParams(name="--cron", value=text, allowed="a time that comes")
    return schedule


def interval(seconds: float) -> IntervalSchedule:
    """A schedule that falls due every so many seconds, counted from midnight UTC.

    Raises
    ------
    InvalidParams
        Fewer than one second, or more than a year.
    """
    if not 1 <= seconds <= 366 * 86_400:
        raise InvalidParams(name="--interval", value=seconds, allowed="1 second to a year")
    return IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=ANCHOR, timezone="UTC")


def dates(schedule: Any, n: int) -> list[datetime]:
    """The next ``n`` times a schedule falls due; fewer when it ends before."""
    counterpart = getattr(server, type(schedule).__name__)
    counted = counterpart.model_validate(schedule.model_dump())
    try:
        # In a thread of its own: the caller's may have a running loop.
        with ThreadPoolExecutor(1) as pool:
            return list(pool.submit(asyncio.run, counted.get_dates(n)).result())
    except ValueError:  # a cron line such as 31 February
        return []


def interval_of(schedule: Any) -> timedelta:
    """The shortest time between two of the next occurrences; endless when there are no two."""
    if isinstance(schedule, IntervalSchedule):
        return schedule.interval
    coming = dates(schedule, LOOK_AHEAD)
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(coming)]
    return timedelta(seconds=min(gaps)) if gaps else timedelta.max


def in_words(schedule: Any) -> str:
    """A schedule in one phrase."""
    if isinstance(schedule, CronSchedule):
        return f'cron "{schedule.cron}" in {schedule.timezone or "UTC"}'
    if isinstance(schedule, IntervalSchedule):
        return f"every {schedule.interval.total_seconds():g} s"
    return type(schedule).__name__
