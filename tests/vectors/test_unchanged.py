"""What stayed the same is told from what did not, and documents put together from both equal those encoded anew."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.static_model import write_static_model
from tests.vectors.strategies import coded_sets, plain
from vectors.encoders.encoded import Encoded, left_out
from vectors.encoders.encoder import Encoder, EncoderParams, open_encoder
from vectors.encoders.pylate import PylateEncoder
from vectors.encoders.reuse import merged
from vectors.encoders.static import StaticEncoder
from vectors.tokens.multivector import MultiVectors
from vectors.unchanged import equal_rows, unchanged_tokens

WORDS = ["cat", "dog", "sat", "mat", "zero", "the"]
DOCUMENTS = st.lists(st.lists(st.sampled_from([*WORDS, "fish"]), max_size=6).map(" ".join), max_size=8)


@settings(deadline=None, max_examples=150)
@given(old=coded_sets(dim=2), new=coded_sets(dim=2), coded=st.booleans(), data=st.data())
def test_a_document_is_unchanged_when_its_vectors_are_whatever_their_codes(
    old: MultiVectors, new: MultiVectors, coded: bool, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, new.n_docs))
    rows = data.draw(st.lists(st.integers(-1, old.n_docs - 1), max_size=new.n_docs - start))
    expected = [
        row if row >= 0 and old.doc(row).tobytes() == new.doc(start + i).tobytes() else -1 for i, row in enumerate(rows)
    ]
    pair = (old, new) if coded else (plain(old), plain(new))
    assert unchanged_tokens(*pair, np.array(rows, dtype=np.int64), start).tolist() == expected


def test_vectors_of_another_width_or_layout_are_other_vectors() -> None:
    narrow = MultiVectors.from_list([np.zeros((1, 2))])
    wide = MultiVectors.from_list([np.zeros((1, 3))])
    coded = MultiVectors(vectors=np.zeros((1, 2), np.float32), offsets=narrow.offsets, codes=np.zeros(1, np.int32))
    row = np.zeros(1, dtype=np.int64)
    assert unchanged_tokens(narrow, narrow, row, 0).tolist() == [0]
    assert unchanged_tokens(narrow, wide, row, 0).tolist() == [-1]
    assert unchanged_tokens(narrow, coded, row, 0).tolist() == [-1]


def test_minus_zero_is_not_zero_where_bytes_are_compared() -> None:
    zero, minus = (np.array([[value, 1.0]], dtype=np.float32) for value in (0.0, -0.0))
    assert unchanged_tokens(
        MultiVectors.from_list([zero]), MultiVectors.from_list([minus]), np.zeros(1, dtype=np.int64), 0
    ).tolist() == [-1]
    assert not equal_rows(zero, minus, 0, 1)


@pytest.mark.parametrize("place", [0, 4_095, 4_096, 9_999])
def test_one_bit_in_a_range_makes_it_another_and_one_outside_does_not(place: int) -> None:
    old = np.zeros((10_000, 2), dtype=np.float16)
    new = old.copy()
    new[place, 1] = np.float16(6e-8)
    assert equal_rows(old, old, 0, 10_000)
    assert not equal_rows(old, new, 0, 10_000)
    assert equal_rows(old, new, 0, place)
    assert equal_rows(old, new, place + 1, 10_000)
    assert not equal_rows(old[:-1], old, 0, 10_000)


def letters(text: str, is_query: bool) -> npt.NDArray[np.float64]:
    return np.array([[ord(letter), 2.0, 1.0 + is_query] for letter in text])


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Encoder]:
    """One of each layout: coded with and without a row of each document's own, and plain."""
    model = write_static_model(tmp_path_factory.mktemp("model"), WORDS, dim=4, faint="the", zero="zero")
    params = EncoderParams(path=str(model), max_tokens=4, min_norm=0.5)
    fake = EncoderParams(kind="pylate", path="fake", max_tokens=9)
    return {
        "pooled": open_encoder(params),
        "unpooled": open_encoder(dataclasses.replace(params, pooled_weight=0.0, distinct=False)),
        "plain": PylateEncoder(letters, {}, fake),
    }


@settings(deadline=None, max_examples=150)
@given(old=DOCUMENTS, kind=st.sampled_from(["pooled", "unpooled", "plain"]), data=st.data())
def test_kept_and_fresh_documents_together_are_all_of_them_encoded(
    encoders: dict[str, Encoder], old: list[str], kind: str, data: st.DataObject
) -> None:
    encoder = encoders[kind]
    picked = st.integers(0, len(old) - 1) if old else st.nothing()
    now = data.draw(st.lists(picked | st.sampled_from(["mat sat", "", "fish", "the cat cat dog sat mat"]), max_size=8))
    rows = np.array([entry if isinstance(entry, int) else -1 for entry in now], dtype=np.int64)
    texts = [old[entry] if isinstance(entry, int) else entry for entry in now]
    fresh = encoder.encode_documents([entry for entry in now if isinstance(entry, str)])
    n_shared = encoder.table.shape[0] if isinstance(encoder, StaticEncoder) else 0
    found = merged(encoder.encode_documents(old), rows, fresh, n_shared)
    assert_equal(found, encoder.encode_documents(texts))


def assert_equal(found: Encoded, expected: Encoded) -> None:
    assert found.counts() == expected.counts()
    assert found.left_out.tobytes() == expected.left_out.tobytes()
    for name in ("vectors", "offsets", "codes"):
        left, right = getattr(found.vectors, name), getattr(expected.vectors, name)
        assert (left is None) == (right is None)
        if left is not None:
            assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def test_a_table_of_what_was_left_out_takes_one_number_or_one_for_each_document() -> None:
    assert left_out(2, faint=3, dropped=[1, 0]).tolist() == [[0, 3, 0, 1], [0, 3, 0, 0]]
