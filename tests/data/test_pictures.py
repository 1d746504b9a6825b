"""Pictures and frames as users have them: every form read alike, and what is wrong with one said in a sentence."""

import io
import random
import re
import zlib
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import pytest
from PIL import Image

from treadle.data.pictures import (
    PictureScale,
    as_picture,
    captioned_of_lists,
    has_caption_columns,
    read_captioned,
    read_frames,
    read_picture,
)
from treadle.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def saved(path: Path, mode: str = "RGB", **options: Any) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path, **options)
    return path


def sentence(action: Any) -> str:
    with pytest.raises(InputError) as caught:
        action()
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_files_and_arrays_are_the_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "a.tiff", "a.ppm"):
        np.testing.assert_array_equal(read_picture(saved(tmp_path / name)), PIXELS)
    np.testing.assert_array_equal(as_picture(PIXELS, None, ""), PIXELS)
    np.testing.assert_array_equal(as_picture(PIXELS / 255, None, ""), PIXELS)
    np.testing.assert_array_equal(as_picture(PIXELS.astype(int), None, ""), PIXELS)
    grey = read_picture(saved(tmp_path / "grey.png", "L"))
    np.testing.assert_array_equal(grey, as_picture(grey[..., :1], None, ""))
    assert abs(read_picture(saved(tmp_path / "a.jpg", quality=98, subsampling=0)).astype(int) - PIXELS).mean() < 4


def test_what_can_be_seen_through_lies_on_white_and_cameras_are_followed(tmp_path: Path) -> None:
    seen = np.zeros((2, 2, 4), np.uint8)
    seen[0, 0, 3] = 255
    Image.fromarray(seen).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[..., 0].tolist() == [[0, 255], [255, 255]]
    np.testing.assert_array_equal(as_picture(seen, None, ""), read_picture(tmp_path / "a.png"))
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter, as a camera that was held upright says
    Image.fromarray(PIXELS).save(tmp_path / "b.png", exif=turned)
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png"), np.rot90(PIXELS, -1))
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(tmp_path / "c.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "c.png")[..., 1], PIXELS[..., 0])


def test_large_pictures_are_made_smaller_by_means() -> None:
    checks = np.indices((8, 16)).sum(0) % 2 * np.ones((3, 1, 1))
    small = as_picture(checks.transpose(1, 2, 0), 4, "")
    assert small.shape == (2, 4, 3)
    assert (abs(small.astype(int) - 128) <= 1).all()
    assert as_picture(PIXELS, 9, "") is not None
    assert as_picture(PIXELS, 9, "").shape == PIXELS.shape


def test_a_scale_is_that_of_all_pixels() -> None:
    others = [PIXELS, PIXELS[:3, :4] // 2]
    scale, pictures = PictureScale.fit_encode(others, ["a", "b"], side=20)
    every = np.concatenate([one.reshape(-1, 3) for one in others]).astype(np.float64)
    np.testing.assert_allclose(scale.mean, every.mean(0))
    np.testing.assert_allclose(scale.deviation, every.std(0))
    values, sizes = scale.pad(pictures)
    assert sizes.tolist() == [[6, 9], [3, 4]]
    np.testing.assert_allclose(values[1, :3, :4], (others[1] - every.mean(0)) / every.std(0), atol=1e-5)
    assert not values[1, 3:].any()
    assert PictureScale.from_json(scale.to_json()) == scale
    with pytest.raises(InputError, match="damaged"):
        PictureScale.from_json({"side": 3, "mean": [0, 0, 0], "deviation": [1, 0, 1]})


def bomb(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that says it were large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_files_that_are_no_pictures_are_one_sentence(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "huge.png").write_bytes(bomb(10_000, 10_000))
    (tmp_path / "bomb.png").write_bytes(bomb(60_000, 60_000))
    expected = {
        "cut.png": "cut.png: cannot be read as a picture",
        "text.png": "text.png: is no picture that Pillow knows",
        "empty.jpg": "empty.jpg: is no picture that Pillow knows",
        "huge.png": "huge.png: found 10,000 by 10,000 pixels, expected at most 67,108,864",
        "bomb.png": "bomb.png: has far more pixels than the 67,108,864",
        "b.png": "b.png: there is no such file or folder",
        "": "found a folder, expected a picture",
    }
    for name, said in expected.items():
        assert said in sentence(lambda name=name: read_picture(tmp_path / name))
        assert sentence(lambda name=name: as_picture(str(tmp_path / name), 4, "t.csv, line 3")).startswith(
            "t.csv, line 3"
        )


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_broken_files_never_do_more_than_say_so(tmp_path: Path, format_: str) -> None:
    draw, file = random.Random(0), io.BytesIO()
    Image.fromarray(PIXELS).save(file, format_)
    whole = file.getvalue()
    for trial in range(30):
        broken = bytearray(whole)
        if trial % 2:
            del broken[draw.randrange(len(broken)) :]
        for _ in range(draw.randint(0, 8)):
            if broken:
                broken[draw.randrange(len(broken))] = draw.randrange(256)
        path = tmp_path / "broken.png"
        path.write_bytes(broken)
        said = ""
        try:
            assert read_picture(path, 8).shape[2] == 3
        except InputError as error:
            said = str(error)
        assert said == "" or (said.startswith(str(path)) and "\n" not in said)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (np.zeros((4, 4, 2)), "found an array [4, 4, 2], expected [height, width, 1, 3 or 4]"),
        (np.zeros((0, 4, 3)), "found an array [0, 4, 3]"),
        (np.full((4, 4, 3), 2.0), "found float64 values, expected bytes, or fractions from 0 to 1"),
        (np.full((4, 4, 3), np.nan), "found float64 values"),
        (np.full((4, 4, 3), 256), "found int64 values"),
    ],
)
def test_arrays_that_are_no_pictures(cell: Any, said: str) -> None:
    assert said in sentence(lambda: as_picture(cell, None, "row 1"))


def test_frames_are_read_from_files_arrays_and_cells(tmp_path: Path) -> None:
    frames = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "a.npy", frames)
    (tmp_path / "t.jsonl").write_text('{"frames": "a.npy", "caption": "x"}\n{"frames": [[1, 2]], "caption": "y"}\n')
    data = read_captioned(tmp_path / "t.jsonl")
    assert not data.pictured
    one, other = read_frames(data.inputs, data.places)
    np.testing.assert_array_equal(one, frames)
    assert other.tolist() == [[1.0, 2.0]]
    (tmp_path / "t.csv").write_text("frames,caption\n1 2 3,a\n4;5,b\n")
    data = read_captioned(tmp_path / "t.csv")
    assert [one.ravel().tolist() for one in read_frames(data.inputs, data.places)] == [[1, 2, 3], [4, 5]]
    assert captioned_of_lists([[[1, 2]], [[3, 4], [5, 6]]], ["a", "b"]).captions == ["a", "b"]


def test_files_that_are_no_frames_are_one_sentence(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.save(tmp_path / "deep.npy", np.zeros((2, 2, 2, 2)))
    np.save(tmp_path / "none.npy", np.zeros((0, 3)))
    np.save(tmp_path / "good.npy", np.zeros((4, 3)))
    whole = (tmp_path / "good.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-8])
    (tmp_path / "huge.npy").write_bytes(whole.replace(b"(4, 3), }     ", b"(10**15, 3), }") or whole)
    (tmp_path / "text.npy").write_text("1 2 3")
    expected = {
        "objects.npy": "cannot be read",
        "words.npy": "found <U1 values, expected numbers",
        "deep.npy": "found an array [2, 2, 2, 2], expected [time, features]",
        "none.npy": "found an array [0, 3]|cannot be read",
        "cut.npy": "cannot be read",
        "text.npy": "is no .npy file",
        "gone.npy": "there is no such file",
    }
    for name, said in expected.items():
        told = sentence(lambda name=name: read_frames([str(tmp_path / name)], ["t.csv, line 2"]))
        assert told.startswith("t.csv, line 2: ")
        assert re.search(said.replace("[", r"\["), told), told
    told = sentence(lambda: read_frames([np.zeros((2, 3)), np.zeros((2, 4))], ["line 1", "line 2"]))
    assert told == "line 2: found 4 features a frame, expected 3 as in line 1"


def test_tables_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        saved(tmp_path / "pictures" / name)
    table = tmp_path / "t.csv"
    table.write_text("image,caption\npictures/a.png,one\npictures/b.png,two\n")
    data = read_captioned(table)
    assert [Path(str(cell)).name for cell in data.inputs] == ["a.png", "b.png"]
    assert (data.captions, data.places) == (["one", "two"], [f"{table}, line 2", f"{table}, line 3"])
    assert has_caption_columns(table)
    assert len(read_captioned(tmp_path / "pictures", captions=False)) == 2
    assert len(read_captioned(tmp_path / "pictures" / "a.png", captions=False)) == 1
    assert "found no captions there" in sentence(lambda: read_captioned(tmp_path / "pictures"))
    assert not has_caption_columns(tmp_path / "pictures" / "a.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("image,caption\na.png,x\nb.png,\n", "t.csv, line 3, column 'caption': the caption is empty"),
        ("image,caption\na.png,x\n,y\n", "t.csv, line 3, column 'image': found nothing, expected a picture"),
        ("image,caption\na.png,x\nb.xyz,y\n", "line 3, column 'image': found 'b.xyz', expected a picture"),
        ("image,caption\na.png,x\n1 2 3,y\n", "t.csv, line 3: found frames, expected a picture as in the first row"),
        ("img,caption\na.png,x\n", "the column of the pictures cannot be told among 'img', 'caption'"),
        ("image,said\na.png,x\n", "the column of the captions cannot be told"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    assert said in sentence(lambda: read_captioned(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (["a.png"], ["x", "y"], "there are 1 picture and 2 captions, expected equally many"),
        (["a.png", "b.png"], ["x", " "], "row 1 (counted from 0): the caption is empty"),
        (["a.png"], [3], "row 0 (counted from 0): the caption is 3, expected a text"),
        (["a.png", np.zeros((3, 2))], None, "row 1 (counted from 0): found frames, expected a picture"),
        ("a.png", ["x"], "the pictures are a str, expected a list"),
        ([[[1, 2], [3]]], ["x"], "found a list of lists of unequal lengths"),
        ([3.5], ["x"], "row 0 (counted from 0): found 3.5, expected a file"),
        ([], [], "found nothing to look at"),
    ],
)
def test_bad_lists_are_one_sentence(X: Any, y: Any, said: str) -> None:
    assert said in sentence(lambda: captioned_of_lists(X, y))
