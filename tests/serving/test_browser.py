"""The page in a real browser: every task's form is used as a person would, in both languages and themes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from seen import pictures
from spoken import RATE, sound

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
TOKEN = "a token of 22 letters!"
PAGE = Path(__file__).parents[2] / "src" / "treadle" / "serving" / "page"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium as {CHROMIUM}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def url(running: Any, zoo: Path) -> Iterator[str]:
    with running(zoo) as server:
        yield server.url


@pytest.fixture
def opened(browser: Any, url: str) -> Iterator[Opener]:
    """Opens the form of a model; the test fails if the browser complains of anything."""
    contexts, complaints = [], []

    def make(name: str, *, locale: str = "en-GB", scheme: str = "light", at: str = url) -> Page:
        context = browser.new_context(locale=locale, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        page: Page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complain(message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: foreign(request.url, at))
        page.goto(f"{at}/#/{name}")
        return page

    def complain(kind: str, text: str) -> None:
        if kind == "error" and "status of 422" not in text:  # what the page says itself, with the server's sentence
            complaints.append(text)

    def foreign(asked: str, at: str) -> None:
        if not asked.startswith((at, "data:", "blob:")):
            complaints.append(f"asked another host: {asked}")

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def heading(page: Page, name: str) -> Any:
    return page.get_by_role("heading", name=name, exact=True)


def said(page: Page) -> Any:
    """What a screen reader is told."""
    return page.get_by_role("status")


def test_a_text_is_classified_as_it_is_typed_with_the_words_that_moved_it(opened: Opener) -> None:
    page = opened("mood")
    page.get_by_label("Text").press_sequentially("a fine film")
    expect(page.locator(".verdict strong")).to_have_text(re.compile("good|bad"))
    expect(said(page)).to_contain_text("Answer: ")
    expect(page.locator(".words > span")).to_have_count(3)
    expect(page.locator(".bars dt")).to_have_count(2)
    page.get_by_label("Text").fill("")
    expect(page.locator(".verdict")).to_have_count(0)


def test_the_hidden_state_is_drawn_a_column_a_step(opened: Opener) -> None:
    page = opened("mood")
    page.get_by_label("Text").fill("a fine film and dull")
    page.get_by_label("Show the hidden state").check()
    picture = page.get_by_role("img", name="12 units over 5 steps")
    expect(picture).to_be_visible()
    assert picture.evaluate("canvas => [canvas.width, canvas.height]") == [5, 12]
    painted = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 5, 12).data).size"
    assert picture.evaluate(painted) > 10
    picture.hover(position={"x": 3, "y": 3})
    expect(page.locator(".over")).to_contain_text("“a” · unit 1")


def test_a_series_is_typed_or_dropped(opened: Opener, tmp_path: Path) -> None:
    page = opened("gestures")
    file = tmp_path / "moves.csv"
    file.write_text("x,y\n" + "\n".join(f"{k / 3},{1 - k / 4}" for k in range(12)))
    page.locator("input[type=file]").set_input_files(str(file))
    expect(page.locator(".verdict strong")).to_have_text(re.compile("still|moving"))
    expect(page.locator("svg.chart rect")).to_have_count(12)
    page = opened("level")
    page.get_by_label("Series").fill("1 2 3 5")
    expect(page.locator(".verdict strong")).to_have_text(re.compile(r"-?\d"))
    page.get_by_label("Series").fill("1 2 three")
    expect(page.get_by_role("alert")).to_contain_text("three")


def test_tags_are_marked_over_the_text(opened: Opener, models: dict[str, Any]) -> None:
    page, text = opened("names"), "Ada 😀 left Oslo"
    spans = models["names"].predict_spans([text])[0]
    assert len(spans) >= 2
    page.get_by_label("Sentence").fill(text)
    expect(page.locator("mark")).to_have_text([f"{span.text}{span.type}" for span in spans])
    assert page.locator(".tagged").inner_text().replace("PER", "").replace("LOC", "") == text
    expect(page.locator(".why dt")).to_have_count(min(4, len(spans)))


AT_ONCE = "button => new MutationObserver(() => button.disabled || button.click()).observe(button, {attributes: true})"
"""Clicks a button as soon as it can be clicked: a hand would come after all is written."""


def test_text_is_written_and_can_be_stopped(opened: Opener) -> None:
    page = opened("poet")
    page.get_by_label("Beginning").fill("to be")
    expect(page.locator(".words > span")).to_have_count(5)
    page.get_by_text("How it is drawn").click()
    page.get_by_label("Symbols at most").fill("40")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("Written: 40 symbols.").first).to_be_visible()
    assert len(page.locator(".written").inner_text()) >= 40
    page.get_by_label("Symbols at most").fill("2000")
    page.get_by_role("button", name="Stop").evaluate(AT_ONCE)
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    assert len(page.locator(".written").inner_text()) < 2000


def test_a_table_is_forecast_as_a_fan_with_its_figures(opened: Opener, tmp_path: Path) -> None:
    page = opened("sales")
    file = tmp_path / "sales.csv"
    file.write_text("ds,y\n" + "\n".join(f"{2018 + k // 12}-{k % 12 + 1:02},{50 + k % 12}" for k in range(36)))
    page.locator("input[type=file]").set_input_files(str(file))
    expect(page.get_by_role("img", name="6 ahead")).to_be_visible()
    assert page.locator("path.band").count() == 4
    page.get_by_text("Figures").click()
    expect(page.locator("table.figures tbody tr")).to_have_count(6)
    page.get_by_label("Steps ahead").fill("3")
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("img", name="3 ahead")).to_be_visible()
    page.get_by_label("Table of steps").fill("ds,y\n2020-01,many")
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 'y': found 'many', expected a number")


def test_a_translation_shows_where_it_looked(opened: Opener) -> None:
    page = opened("numbers")
    page.get_by_label("Text to translate").fill("eins zwei drei")
    page.get_by_role("button", name="Translate").click()
    expect(page.locator("table.attention thead th")).to_have_text(["eins", "zwei", "drei"])
    words = page.locator(".answer").inner_text().split()
    expect(page.locator("table.attention tbody th")).to_have_text(words)


def test_a_recording_is_transcribed_word_by_word(opened: Opener, tmp_path: Path) -> None:
    page = opened("tones")
    file = tmp_path / "tones.wav"
    soundfile.write(file, np.stack([sound("low high mid", 3).samples] * 2, 1), RATE)  # stereo is made mono
    page.locator("input[type=file]").set_input_files(str(file))
    expect(page.locator(".answer")).to_have_text("low high mid")
    expect(page.get_by_role("button", name="low, Play from")).to_be_visible()
    page.get_by_role("button", name="Record").click()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Stop and transcribe").click()
    expect(said(page)).to_contain_text("Heard: ")
    expect(page.get_by_role("button", name="Record")).to_be_visible()


def test_a_picture_is_described_with_where_it_looked(opened: Opener, tmp_path: Path) -> None:
    page = opened("squares")
    (picture,), _ = pictures(1, seed=3)
    file = tmp_path / "square.png"
    Image.fromarray(picture).save(file)
    page.locator("input[type=file]").set_input_files(str(file))
    expect(page.locator(".answer")).to_have_text(re.compile(".+"))
    page.locator(".said button").first.focus()
    expect(page.locator(".said button").first).to_have_attribute("aria-pressed", "true")
    page = opened("bumps")
    page.get_by_label("Frames").fill("\n".join(f"{k}, 0.5" for k in range(9)))
    expect(heading(page, "Caption")).to_be_visible()


def test_language_and_theme_follow_the_browser_and_the_switches(opened: Opener) -> None:
    page = opened("mood", locale="zh-CN", scheme="dark")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("文本")).to_be_visible()
    page.get_by_label("文本").fill("fine")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Text")).to_have_value("fine")
    page.get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_page_is_used_by_the_keyboard_alone(opened: Opener) -> None:
    page = opened("mood")
    expect(page.get_by_label("Text")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the model"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.evaluate("location.hash") == "#/mood"
    page.keyboard.press("Tab")
    expect(page.get_by_label("Text")).to_be_focused()
    nameless = """() => [...document.querySelectorAll('button, input, textarea, select, a')]
        .filter(one => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).map(one => one.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_words_stand_out_from_their_ground_in_both_themes(opened: Opener) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least, for every colour of text on the grounds that it stands on."""
    for scheme in ("light", "dark"):
        page = opened("mood", scheme=scheme)
        expect(page.get_by_label("Text")).to_be_visible()
        found = page.evaluate(
            """() => { const style = getComputedStyle(document.documentElement);
            return ['ink','soft','accent','warm','bad','paper','card','accent-ink']
                .map(name => [name, style.getPropertyValue('--' + name).trim()]); }"""
        )
        colours = {name: tuple(int(value[k : k + 2], 16) for k in (1, 3, 5)) for name, value in found}
        pairs = [(ink, ground) for ink in ("ink", "soft", "accent", "warm", "bad") for ground in ("paper", "card")]
        for ink, ground in [*pairs, ("accent-ink", "accent")]:
            assert contrast(colours[ink], colours[ground]) >= 4.5, (scheme, ink, ground)


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    def luminance(colour: tuple[int, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_a_token_is_asked_for_once(browser: Any, running: Any, zoo: Path) -> None:
    with running(zoo / "mood", token=TOKEN) as server:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(server.url)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Enter").click()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Enter").click()
        page.get_by_label("Text").fill("a fine film")
        expect(page.locator(".verdict strong")).to_be_visible()
        context.close()


def test_every_text_of_the_page_is_there_in_both_languages() -> None:
    words = (PAGE / "words.js").read_text()
    english, chinese = (set(re.findall(r'["\s{,]([a-z_-]+)"?: "', part)) for part in words.split("const ZH")[:2])
    assert english == chinese
    used = {name for file in PAGE.glob("*.js") for name in re.findall(r'\bt\("([a-z_]+)"', file.read_text())}
    assert used <= english


def test_the_page_asks_nothing_of_other_hosts() -> None:
    for file in PAGE.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert not re.search(r"\bstyle=|\bon\w+=\"", text)
