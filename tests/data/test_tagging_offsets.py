"""A string's tokens know where they stand in it."""

from hypothesis import example, given
from hypothesis import strategies as st

from treadle.data import words
from treadle.data.tagging import tokenize

PIECES = st.sampled_from(
    ["It's", "<br />", "<BR>", "İstanbul", "é", "e\u0301", "看", "ไทย", "don’t", " ", "\n", "\x1d", "..", "_", "😀"]
)


@given(text=st.text(max_size=40) | st.lists(PIECES, max_size=12).map("".join))
@example("<br>br is <BR/>Dr. Who's 看电影 İ")
def test_every_token_is_where_it_says(text):
    tokens = tokenize(text)
    assert [text[start:end] for _, start, end in tokens] == [token.text for token in tokens]
    assert [token.text for token in tokens] == words(text, lowercase=False)
    places = [place for token in tokens for place in (token.start, token.end)]
    assert places == sorted(places)


def test_a_sentence():
    assert [tuple(token) for token in tokenize("Mr. O'Neil, 很好")] == [
        ("Mr", 0, 2),
        (".", 2, 3),
        ("O'Neil", 4, 10),
        (",", 10, 11),
        ("很", 12, 13),
        ("好", 13, 14),
    ]
