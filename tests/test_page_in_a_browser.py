"""The page of the committed results in Chromium: what a person does with it, by mouse, keyboard and phone."""

import io
import shutil
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from project import PARAMS, PROJECT

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.reporting.page.render import render

sync_api = pytest.importorskip("playwright.sync_api", reason="needs requirements-extras.txt")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs requirements-extras.txt")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium, or Google Chrome"),
]
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page as the code of this working tree makes it."""
    path = tmp_path_factory.mktemp("page") / "results.html"
    thresholds = PARAMS["report"]["thresholds"]
    path.write_text(render(PROJECT.metrics, PROJECT.plots, PROJECT.requirements, {"seed": 0}, thresholds))
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; no script on it may fail, and nothing may be asked of a network."""
    pages, errors, requests = [], [], []

    def opened(viewport=DESK, **options):
        page = browser.new_page(viewport=viewport, **options)
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        return page

    yield opened
    for page in pages:
        page.close()
    assert errors == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_and_is_accessible(visit, viewport, scheme):
    page = visit(viewport, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_headline_and_figure_2_are_seen_first(visit):
    page = visit()
    for seen in (".cards", "#figure2 img"):
        assert page.locator(seen).first.bounding_box()["y"] < DESK["height"]


def test_it_prints_all_of_table_1_with_every_n(visit):
    page = visit({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    box = page.locator("#entries").bounding_box()
    frame = page.locator(".scroll", has=page.locator("#entries")).bounding_box()
    assert (box["width"], box["height"]) <= (frame["width"] + 1, frame["height"] + 1)
    n = "getComputedStyle(document.querySelector('#entries td[data-n]'), '::after').content"
    assert "n = " in page.evaluate(n)
    assert page.evaluate("document.documentElement.scrollWidth") <= 794


def test_the_details_of_an_entry_come_by_mouse_and_by_keyboard(visit):
    page = visit()
    entry, tip = page.locator("#entries td[data-details]").nth(20), page.locator("#tip")
    assert tip.is_hidden()
    entry.hover()
    assert tip.inner_text() == entry.get_attribute("data-details") and "n = " in tip.inner_text()
    page.mouse.move(0, 0)
    assert tip.is_hidden()
    first = page.locator('#entries td[tabindex="0"]')
    assert first.count() == 1  # Tab stops once in the table's body
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    focused = page.locator("#entries td:focus")
    assert focused.evaluate("entry => [entry.parentElement.dataset.place, entry.cellIndex]") == ["0", 2]
    assert tip.inner_text() == focused.get_attribute("data-details")
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_head_and_first_column_stay_in_sight(visit):
    page = visit(PHONE)
    page.locator("#entries").evaluate("table => { table.parentElement.scrollTo(250, 600); }")
    frame = page.locator(".scroll", has=page.locator("#entries")).bounding_box()
    for seen in ("#entries thead th:nth-child(5)", "#entries tr.attack:nth-child(12) th"):
        box = page.locator(seen).first.bounding_box()
        assert box["y"] >= frame["y"] - 1 and box["x"] >= frame["x"] - 1
    assert page.locator("#entries thead th").nth(4).bounding_box()["y"] == pytest.approx(frame["y"], abs=2)
    assert page.locator("#entries tbody th[scope=row]").nth(9).bounding_box()["x"] == pytest.approx(frame["x"], abs=2)


def test_other_tables_need_no_scrolling_sideways_and_no_frame_is_longer_than_the_screen(visit):
    script = "all => all.map(it => [it.scrollWidth - it.clientWidth, it.clientHeight])"
    for viewport in (PHONE, DESK):
        frames = visit(viewport).locator(".scroll:has(.stacked)").evaluate_all(script)
        assert all(beyond <= 0 and height <= viewport["height"] for beyond, height in frames), frames


def medians(page, column):
    """Of each norm, in the order of the rows."""
    script = """column => [...document.querySelectorAll('#entries tbody')].map(body =>
      [...body.querySelectorAll('tr.attack')].map(row => row.cells[column].dataset.median ?? null))"""
    return [[float(value) for value in group if value] for group in page.evaluate(script, column)]


def test_it_sorts_within_each_norm_and_back(visit):
    page = visit()
    before = medians(page, 6)
    head = page.locator("#entries thead th").nth(6)
    head.locator("button").click()
    assert medians(page, 6) == [sorted(group) for group in before] and head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert medians(page, 6) == [sorted(group, reverse=True) for group in before]
    page.locator("#entries thead th").first.locator("button").click()
    assert medians(page, 6) == before


def test_it_shows_one_norm(visit):
    page = visit()
    page.get_by_label("L∞", exact=True).first.check()
    assert page.locator("#entries tbody:visible").evaluate_all("all => all.map(body => body.dataset.norm)") == ["linf"]
    assert page.locator('#entries td[tabindex="0"]').evaluate("entry => entry.closest('tbody').dataset.norm") == "linf"


def test_a_figure_is_enlarged_and_closed_by_the_keyboard(visit):
    page = visit(PHONE)
    page.locator("#figure8 button").focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog img")
    assert large.evaluate("image => image.clientWidth == image.naturalWidth") and large.get_attribute("alt")
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden() and page.locator("#figure8 button").evaluate(
        "it => it == document.activeElement"
    )


def tile(page, name):
    """The pixels of a picture (28, 28)."""
    script = "canvas => canvas.toDataURL().split(',')[1]"
    data = b64decode(page.locator(f"#tile-{name} canvas").evaluate(script))
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)


def test_images_are_explored(visit):
    page, (images, labels) = visit(PHONE), load("test", PROJECT.mnist)
    clean = (images * 255).round().int()[:, 0].numpy()
    for norm in ("l2", "linf", "l0"):
        for model in ("abs", "binary_abs"):
            page.check(f"input[name=explained-norm][value={norm}]")
            page.check(f"input[name=explained-model][value={model}]")
            last = int(page.locator("#place").get_attribute("max"))
            for place in (0, last // 2, last):
                page.locator("#place").fill(str(place))
                number = int(page.locator("#image").input_value())
                caption = f"test image {number}, a {labels[number]}"
                page.get_by_text(caption, exact=True).wait_for()
                assert np.abs(tile(page, "clean") - clean[number]).max() <= 9  # of 16 grey levels
                lower, upper = page.locator("#lower").inner_text(), page.locator("#upper").inner_text()
                if upper[0].isdigit():
                    assert float(lower.split()[0]) <= float(upper.split()[0]) * 1.001
                    assert page.locator("#tile-adversarial-other .least").count() or upper.startswith("0 ")
                    assert (tile(page, "adversarial") != tile(page, "clean")).any() == (not upper.startswith("0 "))
                else:
                    assert page.locator("#finder").inner_text() == "–" and tile(page, "adversarial").max() == 0


def test_an_image_is_chosen_by_its_number_and_stays_chosen(visit):
    page = visit()
    page.select_option("#image", index=3)
    number = page.locator("#image").input_value()
    page.check("input[name=explained-norm][value=l0]")
    assert page.locator("#image").input_value() == number
    page.get_by_text(f"test image {number}, a", exact=False).first.wait_for()
    page.locator("#place").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#image").input_value() != number
    page.locator("#brackets").click(position={"x": 1, "y": 20})
    assert page.locator("#place").input_value() == "0"
