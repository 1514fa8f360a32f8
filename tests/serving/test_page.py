"""The page in a real browser, over a small index: what people do, and what must come of it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from matplotlib.image import imread

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from serving.api import create_app
from serving.engine import Engine
from tests.serving.browser import SIZES, Watched, needs_browser, watched
from tests.serving.live import running, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_browser
KEY = "a key that is long enough"
SEEDED = "#index=small&seed=n010"


@pytest.fixture(scope="module")
def engine(small_store: Store) -> Engine:
    return Engine.open(small_store, "small")


@pytest.fixture(scope="module")
def address(small_store: Store) -> Iterator[str]:
    with running(create_app(small_store)) as found:
        yield found


def asked(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(page.url.partition("#")[2])


def ids(page: Page) -> list[str]:
    """Ids of the rows of the list."""
    return page.locator("#list .rows .name").all_inner_texts()


def ranked(engine: Engine, *seeds: str, k: int = 50) -> list[str]:
    return [hit["id"] for hit in engine.neighbourhood(dict.fromkeys(seeds, 1.0), k=k)["results"][0]]


def test_a_name_that_is_typed_is_offered_chosen_and_drawn(view: Watched, engine: Engine) -> None:
    page = view.open()
    page.keyboard.press("/")
    page.keyboard.type("n01")
    options = page.get_by_role("option")
    options.nth(8).wait_for()
    offered = options.all_inner_texts()
    assert [text.split()[0] for text in offered[:8]] == [node["id"] for node in engine.nodes("n01", limit=8)]
    assert offered[8] == "Search documents for “n01”"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-selected=true]").first.inner_text().startswith("n011")
    page.keyboard.press("Enter")
    page.locator(".chip").wait_for()
    view.settle()
    assert asked(page)["seed"] == ["n011"]
    expected = ranked(engine, "n011")
    assert ids(page) == expected
    for node in expected:
        view.place_of(node)
    bound = float(page.locator("#bound").inner_text().replace("e−", "e-"))
    assert bound == pytest.approx(engine.neighbourhood({"n011": 1.0}, k=50)["error_bound"][0], rel=0.06)


def test_nodes_are_drawn_in_the_colours_of_their_communities(view: Watched, engine: Engine) -> None:
    page = view.open(SEEDED)
    labels = {hit["id"]: hit["label"] for hit in engine.neighbourhood({"n010": 1.0}, k=50)["results"][0]}
    drawn = pixels(page)
    names = page.locator(".legend li").all_inner_texts()
    assert len(names) == min(len(set(labels.values())), 7)
    for place in range(len(names)):
        wanted = page.evaluate(
            "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", f"--group-{place + 1}"
        )
        assert wanted in drawn


def pixels(page: Page) -> set[str]:
    """The colours of the picture, as the style sheet writes them."""
    picture = (imread(io.BytesIO(page.locator("#neighbourhood .canvas").screenshot()))[:, :, :3] * 255).round()
    return {f"#{int(r):02x}{int(g):02x}{int(b):02x}" for r, g, b in set(map(tuple, picture.reshape(-1, 3).tolist()))}


def test_a_neighbour_that_is_clicked_becomes_the_seed_and_back_goes_back(view: Watched, engine: Engine) -> None:
    page = view.open(SEEDED)
    neighbour = ranked(engine, "n010")[1]
    page.mouse.click(*view.place_of(neighbour))
    page.wait_for_url(lambda url: f"seed={neighbour}" in url)
    view.settle()
    assert asked(page)["seed"] == [neighbour]
    assert ids(page) == ranked(engine, neighbour)
    page.go_back()
    page.wait_for_url(lambda url: "seed=n010" in url)
    view.settle()
    assert ids(page) == ranked(engine, "n010")


def test_a_click_with_shift_or_plus_adds_a_seed_and_its_cross_takes_it_away(view: Watched, engine: Engine) -> None:
    page = view.open(SEEDED)
    second = ranked(engine, "n010")[2]
    page.keyboard.down("Shift")
    page.mouse.click(*view.place_of(second))
    page.keyboard.up("Shift")
    page.locator(".chip").nth(1).wait_for()
    view.settle()
    assert asked(page)["seed"] == ["n010", second]
    assert ids(page) == ranked(engine, "n010", second)
    third = next(node for node in ids(page) if node not in {"n010", second})
    page.get_by_role("button", name=f"Add {third} to the seeds").click()
    page.locator(".chip").nth(2).wait_for()
    page.get_by_role("button", name="Remove n010").click()
    page.locator(".chip").nth(2).wait_for(state="detached")
    view.settle()
    assert asked(page)["seed"] == [second, third]


def test_arrow_keys_go_from_node_to_node(view: Watched) -> None:
    page = view.open(SEEDED)
    page.locator("#neighbourhood .canvas").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#status").inner_text() == "n010, number 1"
    x, _ = view.place_of("n010")
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        node = page.locator("#status").inner_text().partition(",")[0]
        if node != "n010":
            break
    assert (view.place_of(node)[0] > x) == (key == "ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: f"seed={node}" in url)


def test_a_lasso_on_the_map_takes_the_points_inside(view: Watched, engine: Engine) -> None:
    page = view.open()
    assert page.locator(".caption").inner_text().startswith("300 nodes, ")
    everything = [node["id"] for node in engine.nodes(limit=300)]
    places = {node: view.place_of(node) for node in everything}
    x, y = places["n010"]
    size = 14.0
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(x - size, y - size)
    page.mouse.down()
    for corner in ((x + size, y - size), (x + size, y + size), (x - size, y + size)):
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    page.locator(".chip").first.wait_for()
    view.settle()
    inside = {node for node, (px, py) in places.items() if abs(px - x) < size - 1 and abs(py - y) < size - 1}
    around = {node for node, (px, py) in places.items() if abs(px - x) < size + 1 and abs(py - y) < size + 1}
    taken = set(asked(page)["seed"])
    assert "n010" in taken
    assert taken <= around
    assert len(around) > 50 or inside <= taken
    assert page.locator("#status").inner_text().startswith(f"{len(taken)} points taken")
    assert asked(page)["picture"] == ["map"]


def test_a_point_of_the_map_is_named_and_can_be_clicked(view: Watched) -> None:
    page = view.open()
    x, y = view.place_of("n123")
    page.mouse.move(x, y)
    named = page.locator(".tip").inner_text()
    px, py = view.place_of(named)
    assert abs(px - x) + abs(py - y) < 1.5  # the same point, or one that covers it
    page.mouse.click(x, y)
    page.wait_for_url(lambda url: f"seed={named}" in url)


def test_the_map_is_moved_and_zoomed_by_mouse_and_keys(view: Watched) -> None:
    page = view.open()
    x, y = view.place_of("n000")
    page.mouse.move(x, y)
    before = view.place_of("n111")[0]
    page.mouse.wheel(0, -400)
    page.wait_for_function("before => window.purlieu.placeOf('n111').x !== before", arg=before)
    assert view.place_of("n000") == pytest.approx((x, y), abs=0.5)  # what is under the mouse stays there
    box = page.locator("#map canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 45, box["y"] + 25)
    page.mouse.up()
    assert view.place_of("n000") == pytest.approx((x + 40, y + 20), abs=0.5)
    page.locator("#map canvas").focus()
    page.keyboard.press("ArrowLeft")
    assert view.place_of("n000") == pytest.approx((x + 100, y + 20), abs=0.5)
    page.keyboard.press("0")
    assert view.place_of("n000") == pytest.approx((x, y), abs=0.5)


def test_words_find_documents_and_are_marked(view: Watched, engine: Engine) -> None:
    page = view.open(SEEDED)
    page.get_by_role("combobox", name="Find").fill("chess board")
    page.keyboard.press("Enter")
    page.locator("#list mark").first.wait_for()
    view.settle()
    assert asked(page)["text"] == ["chess board"]
    assert ids(page) == [hit["id"] for hit in engine.search(["chess board"], k=30)["results"][0]]
    assert {mark.lower() for mark in page.locator("#list mark").all_inner_texts()} <= {"chess", "board"}
    page.locator("#list .rows .name").first.click()
    page.wait_for_url(lambda url: "seed=n010" not in url)
    view.settle()
    assert page.get_by_role("tab", name="Ranking").get_attribute("aria-selected") == "true"


def test_similar_nodes_and_the_community_are_listed(view: Watched, engine: Engine) -> None:
    page = view.open(f"{SEEDED}&list=similar")
    assert ids(page) == [hit["id"] for hit in engine.similar(["n010"], k=20)["results"][0]]
    page.get_by_role("tab", name="Community").click()
    page.wait_for_url(lambda url: "list=community" in url)
    view.settle()
    assert ids(page) == [hit["id"] for hit in engine.community(["n010"], size=50)["results"][0]]


def test_the_index_tells_its_versions_and_measured_recall(view: Watched, engine: Engine) -> None:
    page = view.open()
    shown = page.locator("#list").inner_text()
    assert engine.version in shown
    assert "answers now" in shown
    assert f"{engine.release.measured['ann.nodes']['recall']:.3f}" in shown
    assert f"{engine.release.measured['retriever']['recall_at_10']:.3f}" in shown


def test_an_address_that_was_shared_shows_the_same(browser: Browser, address: str, view: Watched) -> None:
    page = view.open(f"{SEEDED}&seed=n015&k=25")
    page.get_by_role("tab", name="Similar").click()
    page.wait_for_url(lambda url: "list=similar" in url)
    view.settle()
    with watched(browser, address, size="phone") as other:
        again = other.open(f"#{page.url.partition('#')[2]}")
        assert again.locator("#list").inner_text() == page.locator("#list").inner_text()
        assert again.locator("#seeds").inner_text() == page.locator("#seeds").inner_text()
        assert again.locator("#neighbourhood select").input_value() == "25"


def test_a_node_that_is_not_there_leads_to_those_that_are(view: Watched) -> None:
    page = view.page
    page.goto(f"{view.address}/#index=small&seed=n01x")
    page.get_by_role("alert").wait_for()
    assert "no node 'n01x'" in page.get_by_role("alert").inner_text()
    page.locator("#list button.chip").first.click()
    page.locator("#list .rows").wait_for()
    view.complaints.clear()  # the browser itself writes a line about every 404


def test_text_of_an_index_is_never_markup(view: Watched) -> None:
    page = view.page
    page.goto(f"{view.address}/#index=small&seed=%3Cimg+src%3Dx%3E")
    page.get_by_role("alert").wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert "<img src=x>" in page.get_by_role("alert").inner_text()
    view.complaints.clear()


def test_a_service_with_keys_asks_for_one(browser: Browser, small_store: Store) -> None:
    with (
        running(create_app(small_store, api_keys=frozenset({KEY}))) as address,
        watched(browser, address) as view,
    ):
        page = view.page
        page.goto(f"{address}/{SEEDED}")
        for title, key in (("This service wants a key", "wrong"), ("This key is not known", KEY)):
            page.get_by_role("heading", name=title).wait_for()
            page.locator("dialog input").fill(key)
            page.keyboard.press("Enter")
        page.locator("#list .rows").wait_for()
        assert page.locator("dialog").count() == 0
        view.settle()
        view.complaints.clear()  # the browser itself writes a line about every 401


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_colours_follow_the_system_until_somebody_chooses(browser: Browser, address: str, colours: str) -> None:
    other = {"light": "dark", "dark": "light"}[colours]
    with watched(browser, address, colours=colours) as view:
        page = view.open(SEEDED)
        theme = page.locator("html")
        assert theme.get_attribute("data-theme") == colours
        page.locator("#theme").click()
        assert theme.get_attribute("data-theme") == other
        page.reload()
        assert theme.get_attribute("data-theme") == other


@pytest.mark.parametrize("fragment", ["", SEEDED, f"{SEEDED}&picture=map&list=community"])
def test_a_phone_shows_one_column_and_nothing_beside_it(browser: Browser, address: str, fragment: str) -> None:
    with watched(browser, address, size="phone") as view:
        page = view.open(fragment)
        width = SIZES["phone"][0]
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        sections = [box for box in (one.bounding_box() for one in page.locator("main > section").all()) if box]
        assert sections[1]["y"] >= sections[0]["y"] + sections[0]["height"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_no_violation(browser: Browser, address: str, size: str, colours: str) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    with watched(browser, address, size=size, colours=colours) as view:
        for fragment in (
            "",
            SEEDED,
            f"{SEEDED}&list=similar&picture=map",
            f"{SEEDED}&seed=n015&list=why",
            f"{SEEDED}&list=why",
            "#index=small&text=chess+game",
        ):
            page = view.open(fragment)
            page.evaluate(axe)
            found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
            told = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]
            assert told == [], fragment


def test_a_version_that_is_published_meanwhile_gives_all_that_is_shown(
    browser: Browser, small_store: Store, small_config: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_store.root, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    with running(create_app(store, look_seconds=0.01)) as address, watched(browser, address) as view:
        page = view.open(f"{SEEDED}&list=index")
        served = page.locator("tr", has_text="answers now").locator("code")
        assert served.inner_text() == Engine.open(store, "small").version
        run_build(read_config(small_config, ("fastrp.seed=9",)), store)
        new = Engine.open(store, "small")
        assert served.inner_text() != new.version

        def has_become_new() -> bool:
            for name in ("Similar", "Index"):  # the one asks, the other tells
                page.get_by_role("tab", name=name).click()
                view.settle()
            return served.inner_text() == new.version

        until(has_become_new, 60)
        page.get_by_role("tab", name="Similar").click()
        view.settle()
        assert ids(page) == [hit["id"] for hit in new.similar(["n010"], k=20)["results"][0]]
