"""What a build does with documents that were added or removed since: it lays them over its source.

Nothing that was added is lost because a source does not hold it. What the source holds by now, word for word, is
dropped from the changes, and so are removals of what it does not hold any more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from artifacts.additions import FILE, STAGE, additions_file
from artifacts.store import Store
from flows.refresh import Served
from flows.settings import Config
from flows.sources import Sources
from vectors.corpus.changes import read_changes, still_needed
from vectors.corpus.read import read_columns, read_records


def carried(
    config: Config,
    store: Store | None,
    sources: Sources,
    aside: Path,
    *,
    discard: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> str | None:
    """The file of changes that the corpus of a build takes in; None when there are none.

    Parameters
    ----------
    aside : a directory that lasts as long as the build
    discard : leave the changes out
    say : told in one line what becomes of them

    Raises
    ------
    InvalidInput, ArtifactCorrupt
        The source or the changes cannot be read.
    """
    served = Served(store, config.name)
    if store is None or config.corpus is None or served.release is None or STAGE not in served.release.stages:
        return None
    table, name = config.corpus, served.release.stages[STAGE]
    manifest = store.manifest(name)
    if discard:
        counts = f"{manifest.stats['n_added']:,} added and {manifest.stats['n_removed']:,} removed documents"
        say(f"{counts} are discarded: the new version has what its source has")
        return None
    path = additions_file(store.bring(name))
    if manifest.inputs.get("documents") == sources.fingerprint(table.source):
        return str(path)  # they were held against this very source
    before = read_changes(path, table.params)
    needed = still_needed(
        read_records(table.source, table.params), before, table.params, read_columns(table.source, table.params)
    )
    n_held = len(before.added) + len(before.removed) - len(needed.added) - len(needed.removed)
    if n_held:
        say(f"{n_held:,} {'change of documents is' if n_held == 1 else 'changes of documents are'} in the source now")
    if not needed:
        return None
    say(f"{len(needed.added):,} added and {len(needed.removed):,} removed documents are carried over")
    (aside / FILE).write_bytes(needed.to_bytes())
    return str(aside / FILE)
