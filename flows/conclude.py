"""The end of a build: the new version is written, compared, held against the gate, published, and reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from artifacts.publish import Release, current_version, point_current, read_release, write_release
from artifacts.retention import apply_retention
from artifacts.store import Store
from flows.drift import Drift, measure_drift
from flows.gate import check_gate
from flows.report import leave_report
from flows.settings import Config
from flows.stages.runner import StageReport
from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, EngineError, GateFailed, StoreLocked
from foundation.sizes import size_text

Say = Callable[[str], None]
UNREADABLE = (ArtifactCorrupt, ArtifactMissing, ArtifactVersion)
# What a manifest or a release that says something else than was written makes of its readers.
DISTORTED = (EngineError, LookupError, TypeError, ValueError, AttributeError, OSError)


def conclude(
    config: Config,
    store: Store,
    version: str,
    stages: Sequence[StageReport],
    *,
    begun: float,
    say: Say,
    put_off: Callable[..., object],
) -> Release:
    """Publish what ``stages`` made, unless the gate withholds it; leave a report either way.

    A version that is served already cannot be withheld: it is looked at and reported all the same.

    Parameters
    ----------
    begun : ``time.perf_counter()`` when the build began
    say : told in one line what went wrong without harm to the version
    put_off : takes a function and its arguments, to be called when the lock of the build is released

    Raises
    ------
    ArtifactCorrupt
        When a byte of the new artifacts differs from its manifest; nothing is written then.
    GateFailed
        When a threshold was missed; the release is written, ``CURRENT`` has not moved.
    """
    index, served = config.name, current_version(store, config.name)
    old, without = _version_before(store, index, served, version)
    new = write_release(store, index, config.raw, {stage.name: stage.artifact for stage in stages}, version)
    drift = None
    if old is not None:
        drift, without = _compare(store, old, new, config.runtime.workers)
    if served not in (None, version) and drift is None:
        say(f"drift was not measured: {without}")
    checks = check_gate(config.gate, new, drift, without)
    failed = tuple(str(check) for check in checks if not check.passed) if version != served else ()
    if not failed:
        point_current(store, index, version)
    leave_report(store, new, stages, checks, drift, without, failed, time.perf_counter() - begun, say)
    put_off(retain, config, store, served, say)
    if failed:
        raise GateFailed(index=index, version=version, failed=failed)
    return new


def _version_before(store: Store, index: str, served: str | None, version: str) -> tuple[Release | None, str]:
    """The served version as it is now, or why there is none to compare with."""
    if served is None:
        return None, "this is the first version"
    if served == version:
        return None, "this version was served already"
    try:
        return read_release(store, index), ""
    except UNREADABLE as error:
        return None, f"the served version cannot be read ({error})"


def _compare(store: Store, old: Release, new: Release, n_threads: int) -> tuple[Drift | None, str]:
    try:
        return measure_drift(store, old, new, n_threads), ""
    except UNREADABLE as error:
        return None, f"the served version is damaged ({error})"
    except DISTORTED as error:
        return None, f"the served version cannot be compared with ({type(error).__name__}: {error})"


def retain(config: Config, store: Store, before: str | None, say: Say) -> None:
    """Apply the config's retention to its index; what prevents that is told, and harms nothing."""
    try:
        removed, freed = apply_retention(store, config.name, config.retention, before=before)
    except StoreLocked as error:
        say(f"retention was left to the next build: {error}")
    except (EngineError, OSError) as error:
        say(f"retention removed nothing: {error}")
    else:
        if removed:
            say(f"retention removed {', '.join(removed)}: {size_text(freed)} freed")
