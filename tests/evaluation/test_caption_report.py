"""What stands beside a captioner, and the page about one: pictures with attention laid over."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from treadle.evaluation.baselines.captions import CommonestBaseline, NearestBaseline
from treadle.evaluation.plots.pictures import address, laid_over, whereabouts
from treadle.evaluation.report import render
from treadle.evaluation.report.captions import LookedAt, attention_of, build_caption_report
from treadle.evaluation.report.translation import TranslatedSplit, TranslatingSystem


def test_the_nearest_is_nearest_by_its_definition():
    draw = np.random.default_rng(0)
    train, rows = draw.normal(size=(40, 7)), draw.normal(size=(600, 7))
    captions = [str(number) for number in range(40)]
    expected = [captions[min(range(40), key=lambda i: sum((row - train[i]) ** 2))] for row in rows]
    assert NearestBaseline("all").fit(train, captions).predict(rows) == expected
    with pytest.raises(ValueError, match="expected equally many"):
        NearestBaseline("all").fit(train, captions[1:])
    assert CommonestBaseline().fit(["b", "a", "a"]).predict(3) == ["a"] * 3


def test_a_picture_keeps_its_colours_where_a_model_looked():
    picture = np.full((6, 9, 3), (200, 10, 10), np.uint8)
    shown = laid_over(picture, [[0.0, 0.2, 0.8]])
    np.testing.assert_array_equal(shown[:, 6:], picture[:, 6:])
    colourless = -np.ptp(shown.astype(int), axis=2)
    assert (colourless[:, :3] > colourless[:, 3:6]).all()
    assert (colourless[:, 3:6] > colourless[:, 6:]).all()
    for value in (0, 255):  # black and white stand out of what is not looked at
        plain = laid_over(np.full((2, 4, 3), value, np.uint8), [[1.0, 0.0]])
        assert abs(plain[0, 0].astype(int) - plain[0, 3]).min() > 60
    uneven = laid_over(np.zeros((5, 7, 3), np.uint8), np.eye(2, 3))  # 7 pixels in 3 columns
    assert uneven.shape == (5, 7, 3)
    assert (uneven[0, 0] == 0).all()


def test_a_page_holds_its_pictures():
    picture = np.random.default_rng(0).integers(0, 256, (320, 200, 3)).astype(np.uint8)
    kind, content = address(picture).split(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (100, 160)
    assert whereabouts(np.eye(9)[::-1] * np.arange(9)) == "upper right"
    assert whereabouts([[1.0]]) == "centre"


def page(looked: LookedAt, pictures: list[np.ndarray]) -> str:
    said, true = ["a <b> cat", "a dog"] * 8, ["a <b> cat", "a dog in a hat"] * 8
    split = TranslatedSplit(["7 frames"] * 16, true, [f"x, line {row}" for row in range(16)], np.arange(16) + 3)
    model = TranslatingSystem("model", {"test": said})
    nearest = TranslatingSystem("nearest", {"test": true})
    how = {"sentences": True, "unspaced": False, "baseline": nearest}
    return render(build_caption_report("title", {"test": split}, model, looked=[looked], pictures=pictures, **how))


def test_the_page_shows_every_word_on_its_picture_and_the_worst_captions():
    picture = np.zeros((8, 8, 3), np.uint8)
    weights = np.zeros((2, 2, 2), np.float32)
    weights[0, 0, 0] = weights[1, 1, 1] = 1.0
    html = page(LookedAt(["<b>", "cat"], weights, "x, line 2", "a <b> cat", picture), [picture] * 16)
    assert 'alt="&lt;b&gt;: looks most at the upper left."' in html
    assert 'alt="cat: looks most at the lower right."' in html
    assert html.count("data:image/jpeg;base64,") == 3 + 8  # the picture, two words, eight that are wrong
    assert "Captions of pictures" in html
    assert "Worse than nearest" in html
    assert not re.search(r'(src|href)="(?!data:|#)', html)


def test_of_frames_a_map_is_shown_and_many_are_put_together():
    weights = np.full((2, 100), 0.01, np.float32)
    html = page(LookedAt(["a", "dog"], weights, "x, line 2", "a dog"), [])
    assert "Captions of sequences" in html
    assert "A column is 3 frames." in html
    assert "7 frames" in html
    assert "data:image" not in html
    assert attention_of([]) == []
