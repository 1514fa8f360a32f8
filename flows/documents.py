"""Documents added to the served version of an index and removed from it: a new version in seconds.

The new version keeps every artifact of the one before and names beside them a small segment, made by the same stages
with the same parameters, the table of which documents there are, and the changes themselves, for the next build.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from artifacts import additions as additions_codec
from artifacts import segments as segments_codec
from artifacts.publish import point_current, read_release, version_name, write_release
from artifacts.segments import part_stage, segment_stage
from artifacts.store import Store
from flows.growth import Growing
from flows.here import Here
from flows.stages import additions, ann, corpus, muvera, segments, term_counts, tokens
from foundation.errors import InvalidInput, UnknownId
from foundation.ids import IntegerIds
from foundation.progress import Progress
from vectors.ann.params import ANNParams, stated
from vectors.corpus.changes import Changes, Record, as_added, ids_of
from vectors.corpus.read import read_corpus, read_records

MAX_SEGMENTS = 8

OnWait = Callable[[str], None] | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsReport:
    """What changed. ``replaced`` are among ``added``; ``carried`` and ``removed_since`` wait for the next build."""

    index: str
    version: str
    before: str
    unchanged: bool
    added: int
    replaced: int
    removed: int
    n_docs: int
    segments: int
    carried: int
    removed_since: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The document of ``documents … --json``."""
        return dataclasses.asdict(self) | {"seconds": round(self.seconds, 3)}


def add_documents(
    store: Store,
    index: str,
    source: str | Path,
    *,
    wait: float = 0.0,
    on_wait: OnWait = None,
    progress: Progress | None = None,
) -> DocumentsReport:
    """Add the documents of a file of JSON lines; one whose id is there replaces it. All of them or none.

    Raises
    ------
    InvalidInput
        The file, a line of it, or an id does not fit the index.
    UnknownId, NotBuilt
        There is no such index, or it has no documents.
    StoreLocked
        Another process changes the index, and did for ``wait`` seconds.
    """
    begun = time.perf_counter()
    with store.building(index, wait=wait, on_wait=on_wait) as still_held:
        growing = Growing(store, read_release(store, index), Here, progress)
        growing.check_code()
        given = _read(growing, str(source))
        before = growing.changes
        fresh = {id: record for id, record in given.items() if before.added.get(id) != record}
        replaced = sum(_is_there(growing, id) for id in fresh)
        changes = Changes(added={**before.added, **fresh}, removed=before.removed - fresh.keys())
        return _publish(growing, changes, fresh, begun, still_held, added=len(fresh), replaced=replaced)


def remove_documents(
    store: Store,
    index: str,
    ids: Iterable[str],
    *,
    missing_ok: bool = False,
    wait: float = 0.0,
    on_wait: OnWait = None,
    progress: Progress | None = None,
) -> DocumentsReport:
    """Remove documents by their ids, all of them or none.

    Raises
    ------
    UnknownId
        An id that is not there, unless ``missing_ok``; or no such index.
    InvalidInput
        No document would be left.
    NotBuilt, StoreLocked
    """
    begun = time.perf_counter()
    with store.building(index, wait=wait, on_wait=on_wait) as still_held:
        growing = Growing(store, read_release(store, index), Here, progress)
        gone = set()
        for id in ids:
            if _is_there(growing, id):
                gone.add(_canonical(growing, id))
            elif not missing_ok:
                raise UnknownId(kind="document", id=id, where=f"index {index}", nearest=())
        if len(gone) == growing.rows.n_docs:
            fix = "keep one, or add others first"
            raise InvalidInput(source=f"index {index}", what="no document would be left", fix=fix)
        before = growing.changes
        kept = {id: record for id, record in before.added.items() if id not in gone}
        changes = Changes(added=kept, removed=before.removed | gone)
        return _publish(growing, changes, {}, begun, still_held, removed=len(gone))


def _read(growing: Growing, source: str) -> dict[str, Record]:
    """Documents of a file by the text of their id, after the same checks that the stage makes."""
    params = growing.strict()
    kinds: Any = growing.own_kinds()
    found = read_corpus(source, params, kinds=kinds)
    whole = isinstance(growing.corpora[0].ids, IntegerIds)
    if whole and not isinstance(found.ids, IntegerIds):
        what = "an id is text, those of the index are whole numbers"
        raise InvalidInput(source=source, what=what, fix="give it a number, or build again with both")
    if found.vectors is not None and (base := growing.corpora[0].vectors) is not None and found.vectors.dim != base.dim:
        what = f"vectors have {found.vectors.dim} numbers, those of the index {base.dim}"
        raise InvalidInput(source=source, what=what, fix="use the same encoder")
    records: dict[str, Record] = {}
    for _, id, record, id_field in ids_of(read_records(source, params), params):
        if id is not None and isinstance(record, Mapping):
            records[id] = as_added(record, id_field, params)
    return records


def _is_there(growing: Growing, id: str) -> bool:
    """Whether a document is there and was not removed."""
    for part, places in zip(growing.corpora, growing.rows.places, strict=True):
        row = part.ids.find(id)
        if row >= 0 and places[row] >= 0 and str(part.ids[row]) == _canonical(growing, id):
            return True
    return False


def _canonical(growing: Growing, id: str) -> str:
    """The text of an id as the index writes it: ``007`` is 7 where ids are numbers."""
    if isinstance(growing.corpora[0].ids, IntegerIds):
        try:
            return str(int(id))
        except ValueError:
            return id
    return id


def _publish(
    growing: Growing,
    changes: Changes,
    fresh: Mapping[str, Record],
    begun: float,
    still_held: Callable[[], None],
    *,
    added: int = 0,
    replaced: int = 0,
    removed: int = 0,
) -> DocumentsReport:
    """Make what is missing of the version with these changes, and serve it."""
    store, release = growing.store, growing.release
    version, unchanged = release.version, not (added or removed)
    if not unchanged:
        n_kept, merged = _layout(growing, changes, fresh)
        with tempfile.TemporaryDirectory(prefix="purlieu-") as aside:
            _make(growing, changes, {**merged, **fresh}, n_kept, Path(aside))
        digests = {stage: store.manifest(artifact).digest for stage, artifact in growing.stages.items()}
        version = version_name(release.index, digests)
        still_held()
        write_release(store, release.index, release.config, growing.stages, version, sound=growing.sound)
        point_current(store, release.index, version)
    stats = growing.manifest(segments_codec.STAGE).stats if segments_codec.STAGE in growing.stages else {}
    return DocumentsReport(
        index=release.index,
        version=version,
        before=release.version,
        unchanged=unchanged,
        added=added,
        replaced=replaced,
        removed=removed,
        n_docs=int(stats["n_docs"]) if stats else growing.rows.n_docs,
        segments=int(stats["n_segments"]) if stats else len(growing.corpora) - 1,
        carried=len(changes.added),
        removed_since=len(changes.removed),
        seconds=time.perf_counter() - begun,
    )


def _layout(growing: Growing, changes: Changes, fresh: Mapping[str, Record]) -> tuple[int, dict[str, Record]]:
    """How many segments stay as they are, and the documents of the others, which go into the new one.

    The new segment takes in those before it that are no larger than it, so that each document is encoded again only
    when its segment doubles; and more, where there would be too many.
    """
    alive = []
    for part, places in zip(growing.corpora[1:], growing.rows.places[1:], strict=True):
        ids = [str(part.ids[row]) for row in np.flatnonzero(places >= 0).tolist()]
        alive.append([id for id in ids if id not in fresh and id not in changes.removed])
    merged: dict[str, Record] = {}
    n_kept = len(alive)
    while n_kept and (len(alive[n_kept - 1]) <= len(merged) + len(fresh) or (fresh and n_kept >= MAX_SEGMENTS)):
        n_kept -= 1
        merged |= {id: changes.added[id] for id in alive[n_kept]}
    return n_kept, merged


def _make(growing: Growing, changes: Changes, records: Mapping[str, Record], n_kept: int, aside: Path) -> None:
    """The artifacts of the version to come: kept segments, one of ``records`` if there are any, and the table."""
    params = dataclasses.asdict(growing.params)
    journal = aside / additions_codec.FILE
    journal.write_bytes(changes.to_bytes())
    growing.make(additions_codec.STAGE, additions.STAGE, params, sources={"changes": str(journal)})
    for number in range(1, n_kept + 1):
        prefix = segment_stage(number, "")
        growing.stages |= {name: at for name, at in growing.release.stages.items() if name.startswith(prefix)}
    n_parts = n_kept + 1
    growing.count_base()
    if records:
        _make_segment(growing, segment_stage(n_parts, ""), records, aside / "documents.jsonl")
        n_parts += 1
    inputs = {"additions": additions_codec.STAGE}
    for stage in ("corpus", "tokens"):
        if stage in growing.stages:
            inputs |= {f"{stage}.{part}": part_stage(part, stage) for part in range(n_parts)}
    if "link" in growing.stages:
        inputs |= {"graph": "graph", "link": "link"}
    growing.make(segments_codec.STAGE, segments.STAGE, params, inputs)


def _make_segment(growing: Growing, prefix: str, records: Mapping[str, Record], source: Path) -> None:
    """What the base has of its documents, of ``records``; nearest encodings are found by a scan, which is exact."""
    import orjson

    source.write_bytes(b"".join(orjson.dumps(records[id]) + b"\n" for id in sorted(records)))
    read = {"corpus": dataclasses.asdict(growing.strict()), "kinds": growing.own_kinds()}
    growing.make(f"{prefix}corpus", corpus.SEGMENT, read, sources={"documents": str(source)})
    if "lexical" in growing.stages:
        words = growing.manifest("lexical").params
        growing.make(f"{prefix}{segments_codec.COUNTS}", term_counts.STAGE, words, {"corpus": f"{prefix}corpus"})
    if "retriever" not in growing.stages:
        return
    growing.make(f"{prefix}tokens", tokens.STAGE, _token_params(growing), {"corpus": f"{prefix}corpus"})
    growing.make(f"{prefix}muvera", muvera.STAGE, growing.manifest("muvera").params, {"tokens": f"{prefix}tokens"})
    metric = growing.manifest("ann.documents").params["metric"]
    scan = ANNParams(metric=metric, kind="flat", storage="float16", allow_missed=True)
    growing.make(f"{prefix}ann.documents", ann.STAGE, stated(scan), {"vectors": f"{prefix}muvera"})


def _token_params(growing: Growing) -> dict[str, Any]:
    """Those of the base; a codebook needs more tokens than a segment has, so that half precision takes its place."""
    params = dict(growing.manifest("tokens").params)
    if params.get("tokens", {}).get("storage") == "residual":
        params["tokens"] = {**params["tokens"], "storage": "float16"}
    return params
