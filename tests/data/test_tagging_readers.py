"""Tagged sentences in every format that people have them in, and one clear sentence where they are broken."""

import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treadle import read
from treadle.data.tagging import from_table, read_tagged
from treadle.errors import InputError

UNIVERSAL = """\
# sent_id = 1
# text = They don't know\there
1\tThey\tthey\tPRON\tPRP\tCase=Nom\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tknow\tknow\tVERB\tVB\t_\t0\troot\t_\t_
4.1\tit\tit\tPRON\t_\t_\t_\t_\t4:obj\t_

# text = _ #
1\t_\t_\tSYM\tNFP\t_\t0\troot\t_\t_
2\t#\t#\tSYM\tNFP\t_\t1\tdep\t_\t_
"""


@pytest.fixture
def write(tmp_path):
    def write(content, name="file.conll"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# --- columns


@pytest.mark.parametrize("separator", [" ", "\t", "   "])
def test_columns(write, separator):
    rows = ["-DOCSTART- -X- -X- O", "", "EU NNP B-NP B-ORG", "rejects VBZ B-VP O", " \t ", "", "# $ B-NP O"]
    data = read_tagged(write("\n".join(separator.join(row.split(" ")) if row.strip() else row for row in rows)))
    assert data.tokens == [["EU", "rejects"], ["#"]]
    assert data.tags == [["B-ORG", "O"], ["O"]]
    assert data.scheme == "iob2"
    assert data.lines == [3, 7]
    assert data.where(0, 1).endswith("file.conll, line 4")
    assert "column 4 of 4" in data.note


def test_columns_by_number(write):
    path = write("1 EU NNP B-ORG\n2 rejects VBZ O\n")
    assert read_tagged(path, tokens=2, tags="3").tags == [["NNP", "VBZ"]]
    with pytest.raises(InputError, match="no column 5, found 4 columns"):
        read_tagged(path, tags=5)
    with pytest.raises(InputError, match="column 2 was chosen for the tokens and for the tags"):
        read_tagged(path, tokens=2, tags=2)
    with pytest.raises(InputError, match="no column 'pos', for the file names none"):
        read_tagged(path, tags="pos")


def test_columns_by_name(write):
    path = write(
        "# global.columns = ID FORM UPOS NER\n# s = 1\n1\tEU\tPROPN\tB-ORG\n2-3\tit's\t_\t_\n2\tit\tPRON\tO\n"
        "3\t's\tAUX\tO\n"
    )
    data = read_tagged(path)
    assert (data.tokens, data.tags) == ([["EU", "it", "'s"]], [["B-ORG", "O", "O"]])
    assert read_tagged(path, tags="upos").tags == [["PROPN", "PRON", "AUX"]]
    with pytest.raises(InputError, match="no column 'upo'; did you mean 'upos'"):
        read_tagged(path, tags="upo")


def test_a_hash_can_be_a_token_and_a_comment(write):
    tweets = read_tagged(write("# id = 7\n#\tO\n#rome\tB-LOC\n\n# a comment\n#\tO\n"))
    assert tweets.tokens == [["#", "#rome"], ["#"]]
    assert read_tagged(write("# id = 7\n# O\nis O\n")).tokens == [["#", "is"]]


def test_a_no_break_space_can_be_a_token(write):
    assert read_tagged(write("a\tO\n\xa0\tO\n")).tokens == [["a", "\xa0"]]
    assert read_tagged(write("a O\n\xa0 O\n")).tokens == [["a", "\xa0"]]


def test_one_column_has_no_tags(write):
    data = read_tagged(write("a\nb\n\nc\n"))
    assert (data.tokens, data.tags, data.scheme, data.spans()) == ([["a", "b"], ["c"]], None, None, None)


def test_compressed_and_encoded(write):
    path = write(gzip.compress("Zoé B-PER\r\ndort O\r\n".encode("latin-1")), "train.conll.gz")
    assert read_tagged(path, encoding="latin-1").tokens == [["Zoé", "dort"]]
    with pytest.raises(InputError, match="line 1, column 3: byte 0xe9 is not UTF-8"):
        read_tagged(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("-DOCSTART- O\n\n", "found no sentence"),
        ("a O\nb\n", "line 2: found 1 column, expected 2 as in line 1"),
        ("a\tO\n\nb\tX\tO\n", "line 3: found 3 columns, expected 2 as in line 1"),
        ("a\tO\n\tO\n", "line 2: column 1 is empty"),
        ("a\tO\nb\t\n", "line 2: column 2 is empty"),
        ("# global.columns = FORM TAG\na O X\n", "line 2: found 3 columns, expected 2 for FORM TAG"),
        ("a O\nb B-PER\nc PER\n" + "d O\n" * 30, "line 3: found the tag 'PER', expected O or a letter"),
        ("a B-A\nb L-A\nc S-A\n", "the tags begin with B, L, S, the letters of no scheme"),
    ],
)
def test_broken_columns(write, content, sentence):
    path = write(content)
    with pytest.raises(InputError) as error:
        read_tagged(path)
    assert str(error.value).startswith(str(path))
    assert sentence in str(error.value)


# --- illegal tags


def test_illegal_tags_are_repaired_and_told(write):
    path = write("a B-X\nb I-X\n\nc O\nd I-X\n\ne B-X\nf I-Y\n")
    data = read_tagged(path)
    assert data.tags == [["B-X", "I-X"], ["O", "B-X"], ["B-X", "B-Y"]]
    assert (
        "2 sentences with illegal tags repaired, the first at line 5 ('I-X' after 'O' is not legal in IOB2)"
        in data.note
    )
    with pytest.raises(InputError, match="line 5: 'I-X' after 'O' is not legal in IOB2"):
        read_tagged(path, illegal="error")
    with pytest.raises(InputError, match="did you mean 'repair'"):
        read_tagged(path, illegal="repairs")


def test_a_span_that_does_not_end(write):
    with pytest.raises(InputError, match="line 2: 'B-X' at the end of a sentence is not legal in BIOES"):
        read_tagged(write("a S-X\nb B-X\n\nc B-X\nd E-X\n"), illegal="error")
    with pytest.raises(InputError, match="line 1: 'E-X' at the start of a sentence is not legal in BIOES"):
        read_tagged(write("a E-X\nb S-X\n"), illegal="error")


def test_an_underscore_in_place_of_the_hyphen(write):
    assert read_tagged(write("a B_X\nb I_X\nc O\n")).tags == [["B-X", "I-X", "O"]]


# --- CoNLL-U


@pytest.mark.parametrize("name", ["a.conllu", "a.txt"])
def test_universal_dependencies(write, name):
    data = read_tagged(write(UNIVERSAL, name))
    assert data.tokens == [["They", "do", "n't", "know"], ["_", "#"]]
    assert data.tags == [["PRON", "AUX", "PART", "VERB"], ["SYM", "SYM"]]
    assert data.scheme is None
    assert data.token_lines == [[3, 5, 6, 7], [11, 12]]


def test_universal_columns(write):
    path = write(UNIVERSAL, "a.conllu")
    assert read_tagged(path, tags="feats").tags == [["Case=Nom", "_", "_", "_"], ["_", "_"]]
    assert read_tagged(path, tokens="lemma", tags=5).tokens[0] == ["they", "do", "not", "know"]
    with pytest.raises(InputError, match="no column 'upo'; did you mean 'upos'"):
        read_tagged(path, tags="upo")
    with pytest.raises(InputError, match=r"the column 'misc' is empty"):
        read_tagged(path, tags="misc")


def test_universal_without_annotation(write):
    assert read_tagged(write("1\ta" + "\t_" * 8 + "\n", "a.conllu")).tags is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("3\tn't", "5\tn't", "line 6: found word 5, expected word 3"),
        ("3\tn't", "x\tn't", "line 6: found 'x' as a word's number, expected 3, a range such as 3-4"),
        ("\n\n# text", "\n# text", "line 8: found 1 column, expected 10 for ID FORM"),
        ("\n\n# text = _ #", "", "line 8: found word 1, expected word 5 (a blank line separates sentences)"),
        ("VERB", "_", "line 7: found '_', expected a part of speech"),
        ("\troot\t_\t_\n\n", "\troot\t_\n\n", "line 7: found 9 columns, expected 10"),
        ("They\tthey", "\tthey", "line 3: column 2 is empty"),
    ],
)
def test_broken_universal_dependencies(write, old, new, sentence):
    text = UNIVERSAL.replace("4.1\tit\tit\tPRON\t_\t_\t_\t_\t4:obj\t_\n", "")
    assert old in text
    with pytest.raises(InputError) as error:
        read_tagged(write(text.replace(old, new, 1), "a.conllu"))
    assert sentence in str(error.value)


def test_a_file_of_nothing_but_ranges(write):
    with pytest.raises(InputError, match="found no sentence with a word"):
        read_tagged(write("1-2" + "\t_" * 9 + "\n", "a.conllu"))


# --- JSON, Parquet, objects


@pytest.mark.parametrize(
    ("tokens", "tags", "label"),
    [("tokens", "ner_tags", None), ("words", "labels", "label"), ("tokens", "tags", "intent")],
)
def test_json_lines(write, tokens, tags, label):
    rows = [{tokens: ["to", "Rome"], tags: ["O", "B-LOC"]}, {tokens: ["go"], tags: ["O"]}]
    if label:
        rows = [{**row, label: name} for row, name in zip(rows, ["where", "what"], strict=True)]
    data = read_tagged(write("\n\n".join(map(json.dumps, rows)), "a.jsonl"))
    assert (data.tokens, data.tags) == ([["to", "Rome"], ["go"]], [["O", "B-LOC"], ["O"]])
    assert data.labels == (["where", "what"] if label else None)
    assert (data.scheme, data.lines) == ("iob2", [1, 3])
    assert data.where(1, 0).endswith("a.jsonl, line 3, token 1")


def test_one_sentence_as_json(write):
    data = read_tagged(write('{"tokens": ["a", "b"], "tags": ["X", "Y"]}', "a.json"))
    assert (data.tokens, data.tags) == ([["a", "b"]], [["X", "Y"]])


def test_json_by_content_and_named_keys(write):
    path = write('{"x": ["a"], "y": ["NOUN"], "z": "q"}\n{"x": ["b"], "y": ["VERB"], "z": "r"}\n', "a")
    data = read_tagged(path, tokens="x", tags="y", label="z")
    assert (data.tokens, data.tags, data.labels) == ([["a"], ["b"]], [["NOUN"], ["VERB"]], ["q", "r"])


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 2: found 1 tag in 'tags', expected 2"),
        ({"tokens": [], "tags": []}, "line 2: the list in 'tokens' is empty"),
        ({"tokens": ["a"]}, "line 2: found nothing in 'tags', expected a list of tags"),
        ({"tokens": ["a"], "tags": "O"}, "line 2: found 'O' in 'tags', expected a list of tags"),
        ({"tokens": ["a"], "tags": [3]}, "line 2: found 3 as entry 1 of 'tags', expected a name such as 'B-PER'"),
        ({"tokens": [""], "tags": ["O"]}, "line 2: found '' as entry 1 of 'tokens', expected a string"),
        ({"tokens": ["a"], "tags": ["O"], "intent": 3}, "line 1: found None in 'intent', expected a label"),
        (3, "line 2: found a number, expected an object"),
    ],
)
def test_broken_json(write, second, sentence):
    path = write('{"tokens": ["a"], "tags": ["O"]}\n' + json.dumps(second), "a.jsonl")
    with pytest.raises(InputError) as error:
        read_tagged(path, label="intent" if "intent" in sentence else None)
    assert sentence in str(error.value)


def test_json_without_tokens(write):
    with pytest.raises(InputError, match="found no list of tokens under 'tokens' or 'words'; columns: text, tags"):
        read_tagged(write('{"text": "a b", "tags": ["O"]}\n', "a.jsonl"))


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"tokens": [["to", "Rome"], ["go"]], "ner_tags": [["O", "B-LOC"], ["O"]]})
    frame.to_parquet(path)
    assert read_tagged(path).tags == [["O", "B-LOC"], ["O"]]
    frame.assign(ner_tags=[[0.5, 5], [0]]).to_parquet(path)
    with pytest.raises(InputError, match=r"as entry 1 of 'ner_tags', expected a name such as 'B-PER'"):
        read_tagged(path)


def test_objects_in_memory():
    data = from_table(read({"tokens": [["play", "it"]], "slots": [["O", "B-song"]], "intent": ["play"]}))
    assert (data.tags, data.labels, data.where(0, 1)) == (
        [["O", "B-song"]],
        ["play"],
        "row 0 (counted from 0), token 2",
    )


# --- a folder of parallel files


@pytest.fixture
def joint(write):
    def make(tokens="play it\ngo\n", tags="O B-song\nO\n", label="play\ngo\n"):
        for name, content in (("seq.in", tokens), ("seq.out", tags), ("label", label)):
            path = write(content, f"train/{name}")
            if content is None:
                path.unlink()
        return path.parent

    return make


def test_parallel_files(joint):
    folder = joint()
    data = read_tagged(folder)
    assert (data.tokens, data.tags) == ([["play", "it"], ["go"]], [["O", "B-song"], ["O"]])
    assert (data.labels, data.scheme) == (["play", "go"], "iob2")
    assert data.where(1, 0) == f"{folder / 'seq.in'}, line 2, token 1"
    (folder / "label").unlink()
    assert read_tagged(folder).labels is None
    with pytest.raises(InputError, match=r"no file seq\.in.*; give .*train"):
        read_tagged(folder.parent)
    with pytest.raises(InputError, match="tags= does not apply to the format 'joint'"):
        read_tagged(folder, tags=2)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"tags": "O\nO\n"}, "seq.out, line 1: found 1 tag, expected 2, one for each token of seq.in"),
        ({"tags": "O B-song\n"}, "seq.out: found 1 line, expected 2 as in seq.in"),
        ({"label": "play\n"}, "label: found 1 line, expected 2 as in seq.in"),
        ({"tokens": "play it\n\ngo\n"}, "seq.in, line 2: the line is empty"),
        ({"tokens": "\n"}, "seq.in: the file is empty"),
    ],
)
def test_broken_parallel_files(joint, broken, sentence):
    with pytest.raises(InputError) as error:
        read_tagged(joint(**broken))
    assert sentence in str(error.value)


# --- which format


def test_what_is_no_tagged_file(write, tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_tagged(tmp_path / "none.conll")
    with pytest.raises(InputError, match="found a zip archive"):
        read_tagged(write(b"PK\x03\x04....", "a.conll"))
    with pytest.raises(InputError, match="the format 'conl' is not known; did you mean 'conll'"):
        read_tagged(write("a O"), format="conl")
    with pytest.raises(InputError, match="found a file, expected a folder"):
        read_tagged(write("a O"), format="joint")
    with pytest.raises(InputError, match="found a folder, expected a file of format 'conll'"):
        read_tagged(tmp_path, format="conll")
    with pytest.raises(InputError, match="label= does not apply to the format 'conll'"):
        read_tagged(write("a O"), label="x")
    with pytest.raises(InputError, match="found column 2, expected a column's name"):
        read_tagged(write('{"tokens": ["a"]}', "a.jsonl"), tags=2)


def test_some_sentences_keep_their_places(write):
    data = read_tagged(write("a O\n\nb B-X\nc I-X\n\nd O\n")).take([2, 1])
    assert (data.tokens, data.tags, len(data)) == ([["d"], ["b", "c"]], [["O"], ["B-X", "I-X"]], 2)
    assert data.where(1, 1).endswith("line 4")
    assert data.spans() == [[], [(0, 2, "X")]]


# --- real files


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "sentences", "tags", "scheme", "label"),
    [
        ("wnut17/wnut17train.conll", 3394, 13, "iob2", None),
        ("wnut17/emerging.dev.conll", 1009, 13, "iob2", None),
        ("wnut17/emerging.test.annotated", 1287, 13, "iob2", None),
        ("snips/train", 13084, 72, "iob2", 7),
        ("snips/valid", 700, None, "iob2", 7),
        ("snips/test", 700, None, "iob2", 7),
        ("ud_english_ewt/en_ewt-ud-dev.conllu.gz", 2001, 17, None, None),
        ("ud_english_ewt/en_ewt-ud-test.conllu.gz", 2077, 17, None, None),
        ("ud_english_ewt/en_ewt-ud-train.conllu.gz", 12544, 17, None, None),
        ("ud_chinese_gsd/zh-ud-train.conllu.gz", 3997, None, None, None),
        ("ud_chinese_gsd/zh-ud-dev.conllu.gz", 500, None, None, None),
        ("ud_chinese_gsd/zh-ud-test.conllu.gz", 500, None, None, None),
    ],
)
def test_real_files(data_folder, name, sentences, tags, scheme, label):
    data = read_tagged(data_folder / "tagging" / name)
    assert (len(data), data.scheme) == (sentences, scheme)
    assert "repaired" not in data.note
    if tags is not None:
        assert len({tag for row in data.tags for tag in row}) == tags
    assert (data.labels is None) == (label is None)
    if label is not None:
        assert len(set(data.labels)) == label


def test_class_numbers_are_tags_and_get_the_names_that_the_file_has(tmp_path):
    """The metadata are those that the library `datasets` writes, after its documentation."""
    tokens, numbers = [["to", "New", "York"], ["go"]], [[0, 1, 2], [0]]
    lines = [json.dumps({"tokens": a, "ner_tags": b}) for a, b in zip(tokens, numbers, strict=True)]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    plain = read_tagged(tmp_path / "d.jsonl")
    assert (plain.tags, plain.scheme) == ([["0", "1", "2"], ["0"]], None)

    names = {"feature": {"names": ["O", "B-LOC", "I-LOC"], "_type": "ClassLabel"}, "_type": "Sequence"}
    strings = {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"tokens": strings, "ner_tags": names}}})}
    arrow = pa.table({"tokens": tokens, "ner_tags": numbers})
    pq.write_table(arrow, tmp_path / "bare.parquet")
    assert read_tagged(tmp_path / "bare.parquet").tags == plain.tags
    pq.write_table(arrow.replace_schema_metadata(metadata), tmp_path / "named.parquet")
    named = read_tagged(tmp_path / "named.parquet")
    assert (named.tags, named.scheme) == ([["O", "B-LOC", "I-LOC"], ["O"]], "iob2")

    beyond = pa.table({"tokens": tokens, "ner_tags": [[0, 1, 7], [0]]}).replace_schema_metadata(metadata)
    pq.write_table(beyond, tmp_path / "beyond.parquet")
    with pytest.raises(InputError, match=r"row 0 .*: found the class 7 in 'ner_tags', expected numbers below 3"):
        read_tagged(tmp_path / "beyond.parquet")
    (tmp_path / "mixed.jsonl").write_text('{"tokens": ["a", "b"], "ner_tags": ["O", 1]}\n' * 2)
    with pytest.raises(InputError, match="found 1 as entry 2 of 'ner_tags', expected a name"):
        read_tagged(tmp_path / "mixed.jsonl")
