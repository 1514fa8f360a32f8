"""The page in a real browser: why two nodes are near, in words and in the drawing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from artifacts.store import Store
from serving.api import create_app
from serving.engine import Engine
from tests.serving.browser import Watched, needs_browser, watched
from tests.serving.live import running
from tests.serving.test_page import SEEDED, asked, pixels, ranked

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_browser


@pytest.fixture(scope="module")
def address(both_store: Store) -> Iterator[str]:
    with running(create_app(both_store)) as found:
        yield found


def ways(page: Page) -> list[list[str]]:
    """The ways that are listed."""
    return [way.locator("button.name").all_inner_texts() for way in page.locator("#list .ways li").all()]


def near(engine: Engine) -> str:
    """The node most like n010 that some way of a few links leads to."""
    for hit in engine.similar(["n010"], k=20)["results"][0]:
        if engine.explain("n010", hit["id"], k=10)["paths"]:
            return str(hit["id"])
    raise AssertionError("nothing like n010 can be reached from it")


def test_a_button_beside_a_similar_node_tells_why_it_is_near(view: Watched, both: Engine) -> None:
    other = near(both)
    page = view.open(f"{SEEDED}&list=similar")
    button = page.get_by_role("button", name=f"Why is {other} near?")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "list=why" in url)
    view.settle()
    assert asked(page)["seed"] == ["n010", other]
    why = both.explain("n010", other, k=10)
    assert ways(page) == [path["ids"] for path in why["paths"]]
    assert page.locator("#list .rows .name").all_inner_texts() == [hit["id"] for hit in why["results"][0]]
    places = page.locator("#list .places tbody tr").all_inner_texts()
    for (name, signal), row in zip((("Ranking", "ppr"), ("Similar nodes", "similar")), places, strict=False):
        told = [f"number {place['rank']}" if place else "beyond 100" for place in why["signals"][signal]]
        assert row.split("\t") == [name, *told]
    words = page.locator("#list .words").first.locator("mark").all_inner_texts()
    shared = [entry["word"] for entry in why["documents"]["words"]]
    assert words == [word for word in shared if word in words]
    assert words
    page.go_back()
    page.wait_for_url(lambda url: "list=similar" in url)


def test_every_node_of_a_way_is_drawn_and_ways_stand_out(view: Watched, both: Engine) -> None:
    page = view.open(f"{SEEDED}&seed={near(both)}&list=why&k=25")
    for way in ways(page):
        for node in way:
            view.place_of(node)
    accent = page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
    assert accent in pixels(page)
    # What is on no way has no colour, save for the seeds, which have their community's.
    drawn = set(ranked(both, *asked(page)["seed"], k=25)) - {node for way in ways(page) for node in way}
    assert drawn
    page.get_by_role("tab", name="Ranking").click()
    page.wait_for_url(lambda url: "list=why" not in url)
    view.settle()
    assert accent not in pixels(page)


def test_two_nodes_can_be_chosen_by_keys_alone(view: Watched) -> None:
    page = view.open(SEEDED)
    page.locator("#neighbourhood .canvas").focus()
    page.keyboard.press("ArrowRight")  # to the seed
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        node = page.locator("#status").inner_text().partition(",")[0]
        if node != "n010":
            break
    page.keyboard.press("w")
    page.wait_for_url(lambda url: "list=why" in url)
    view.settle()
    assert asked(page)["seed"] == ["n010", node]
    assert page.locator("#list .pair li").count() == 2


def test_a_shared_address_shows_the_same_explanation(browser: Browser, address: str, view: Watched) -> None:
    page = view.open(f"{SEEDED}&seed=n015&list=why")
    with watched(browser, address, size="phone", colours="dark") as other:
        again = other.open(f"#{page.url.partition('#')[2]}")
        assert again.locator("#list").inner_text() == page.locator("#list").inner_text()
        assert again.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_of_several_seeds_any_can_be_explained_beside_the_first(view: Watched) -> None:
    page = view.open(f"{SEEDED}&seed=n015&seed=n020&list=why")
    page.locator("#list .others").get_by_role("button", name="n020").click()
    page.wait_for_url(lambda url: "n015" not in url)
    view.settle()
    assert asked(page)["seed"] == ["n010", "n020"]


def test_one_seed_alone_asks_for_a_second_one(view: Watched) -> None:
    page = view.open(f"{SEEDED}&list=why")
    assert "choose a second one" in page.locator("#list").inner_text()
    page.get_by_role("combobox", name="Find").fill("n015")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Shift+Enter")
    page.locator(".chip").nth(1).wait_for()
    view.settle()
    assert asked(page)["list"] == ["why"]
    assert page.locator("#list .pair li").count() == 2
    page.get_by_role("button", name="Remove n015").click()
    page.locator(".chip").nth(1).wait_for(state="detached")
    view.settle()
    assert page.get_by_role("tab", name="Ranking").get_attribute("aria-selected") == "true"
