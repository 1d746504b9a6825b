"""Of a file that is not UTF-8, the encodings that it may be in are named, and none that it cannot be in."""

import pytest

from treadle.data.encoding import decode
from treadle.data.guessing import likely_encodings
from treadle.errors import InputError

ASCII = b"a line of plain text\n" * 40
SENTENCES = {
    "gb18030": ["北京是中国的首都。", "今天天气很好，我们去公园吧", "这家饭店的菜很好吃，下次还来"],
    "big5": ["台北是台灣的首都。", "今天天氣很好，我們去公園吧", "這家餐廳的菜很好吃"],
    "euc-jp": ["東京に行きたいです。", "カタカナとひらがな", "今日は天気がいいですね"],
    "cp932": ["東京に行きたいです。", "カタカナとひらがな", "今日は天気がいいですね"],
    "euc-kr": ["서울은 대한민국의 수도이다.", "오늘은 날씨가 좋네요", "안녕하세요"],
    "cp1251": ["Москва - столица России.", "Сегодня хорошая погода", "МОСКВА"],
    "koi8-r": ["Москва - столица России.", "Сегодня хорошая погода", "МОСКВА"],
    "cp1253": ["Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.", "Σήμερα έχει καλό καιρό", "ΑΘΗΝΑ"],
    "cp1256": ["القاهرة هي عاصمة مصر.", "الطقس جميل اليوم", "صباح الخير"],
    "cp874": ["กรุงเทพเป็นเมืองหลวงของไทย", "วันนี้อากาศดีมาก", "สวัสดี"],
}
HEBREW = {"cp1255": ["ירושלים היא עיר הבירה של ישראל.", "היום מזג האוויר יפה", "שלום"]}
"""Which a detector takes for Cyrillic letters where there are many."""


def refusal(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(content, "a.txt")
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in (SENTENCES | HEBREW).items() for text in texts]
)
@pytest.mark.parametrize("before", [b"", ASCII], ids=["alone", "after ASCII"])
def test_the_encoding_of_one_sentence_is_among_those_named(name, text, before):
    found = likely_encodings(before + text.encode(name))
    assert name in found
    assert all((before + text.encode(name)).decode(other) for other in found)


def test_several_that_fit_are_all_named():
    sentence = refusal(ASCII + "北京\n".encode("gb18030"))
    assert sentence.startswith("a.txt, line 41, column 1: byte 0xb1 is not UTF-8; it may be ")
    assert sentence.endswith(": name the right one with --encoding NAME")
    assert {"gb18030", "big5", "euc-kr"} <= set(sentence.replace(",", "").replace(":", "").split())


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("Zürich", "latin-1", "latin-1"),
        ("un café à côté de l'hôtel créé", "latin-1", "latin-1"),
        ("„Zürich“ – schön", "cp1252", "cp1252"),
        ("Zażółć gęślą jaźń, mówił stary człowiek ze wsi", "cp1250", "cp1250"),
    ],
)
def test_western_letters_between_others(text, encoding, said):
    assert refusal(ASCII + text.encode(encoding)).endswith(f"; it looks like {said}: name it with --encoding {said}")


def test_only_what_decodes_the_whole_file_is_named():
    """A byte that no line among the first ones has."""
    lines = "北京是中国的首都。\n".encode("gb18030") * 300
    assert likely_encodings(lines) == ["gb18030"]
    assert "gb18030" not in likely_encodings(lines + b"\xff\n")
    assert "no other encoding was recognised" in refusal(bytes(range(128, 256)))


@pytest.mark.parametrize("name", SENTENCES)
def test_long_texts_have_one_encoding(name):
    text = "\n".join(SENTENCES[name] * 20)
    (found,) = likely_encodings(text.encode(name))
    assert text.encode(name).decode(found) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_after_a_byte_order_mark_no_other_encoding_is_guessed(encoding):
    assert refusal(("\ufeff" + "ab").encode(encoding)[:-1]).endswith(
        f"is not {encoding.upper()}, of which the file begins with the byte order mark; the file is cut off or damaged"
    )
    assert "cut off" in refusal("\ufeffa".encode(encoding) + b"\1")  # cut off, and without a byte outside ASCII
