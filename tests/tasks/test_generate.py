"""Text from a language model: reproducible, in constant memory, and exactly continued after its state was saved."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle import InputError, LanguageModel
from treadle.tasks.language import Generator, Sampling, generate
from treadle.training import load_state, save_state

TEXT = "the cat sat on the mat, né à 東京.\nwhere is the dog? the dog is at home.\n" * 12
NOISE = ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_drop")
CELLS = ["lstm", "gru", "min-gru", "sru"]
UNITS = ["char", "word", "subword", "byte"]


def small(unit: str, cell: str = "lstm", text: str = TEXT, **more: int) -> LanguageModel:
    shape = {"cell": cell, "hidden_size": 12, "layers": 2, "batch_size": 4, "bptt": 16, "epochs": 2}
    options = dict.fromkeys(NOISE, 0.0) | shape | more
    return LanguageModel(unit=unit, learning_rate=0.03, seed=1, **options).fit(text)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models of every unit and several cells, and each as it comes back from its folder."""
    made = {}
    for number, unit in enumerate(UNITS):
        for cell in CELLS[number : number + 1] if unit != "byte" else CELLS:
            folder = tmp_path_factory.mktemp("models") / f"{unit}-{cell}"
            model = small(unit, cell)
            model.save(folder)
            made[unit, cell] = model, LanguageModel.load(folder)
    return made


@pytest.fixture(scope="module")
def model(models):
    return models["char", "lstm"][0]


@settings(max_examples=25)
@given(data=st.data())
def test_a_text_goes_on_from_its_saved_state_as_it_would_have(models, tmp_path_factory, data):
    unit, cell = data.draw(st.sampled_from(list(models)))
    fitted, loaded = models[unit, cell]
    sampling = Sampling(
        temperature=data.draw(st.sampled_from([0.0, 0.7, 1.0, 3.0])),
        top_k=data.draw(st.sampled_from([None, 5])),
        top_p=data.draw(st.sampled_from([None, 0.9])),
        repetition_penalty=data.draw(st.sampled_from([1.0, 1.3])),
        repetition_window=data.draw(st.integers(0, 9)),
    )
    prompt = data.draw(st.sampled_from(["", "the ", "the cat né 東"]))
    stop = data.draw(st.sampled_from([[], ["home"], [".", "the dog is"]]))
    options = {"sampling": sampling, "seed": data.draw(st.integers(0, 9)), "stop": stop}
    cut = data.draw(st.integers(0, 30))
    whole = Generator(fitted, prompt, **options)
    expected = [piece for _ in range(60) if (piece := next(whole, None)) is not None] + [whole.rest()]

    first = Generator(fitted, prompt, **options)
    before = [piece for _ in range(cut) if (piece := next(first, None)) is not None]
    path = tmp_path_factory.mktemp("state") / "text.safetensors"
    save_state(path, first.state_dict())
    second = Generator.restore(loaded, load_state(path))
    after = [piece for _ in range(60 - cut) if (piece := next(second, None)) is not None] + [second.rest()]
    assert before + after == expected
    assert (list(second.ids), second.drawn, second.stopped) == (list(whole.ids), whole.drawn, whole.stopped)


def test_the_state_of_another_model_is_refused(models):
    text = Generator(models["word", "gru"][0], "the cat")
    next(text)
    other = LanguageModel(unit="word", hidden_size=4, layers=1, epochs=1, bptt=8).fit("a b a b a b " * 9)
    wider = small("word", "gru", hidden_size=13)  # with the same vocabulary
    for model in (other, wider, models["char", "lstm"][0]):
        with pytest.raises(InputError, match="belongs to another model"):
            Generator.restore(model, text.state_dict())


def test_the_likeliest_text_is_what_whole_sequences_say(model):
    """At temperature 0, every symbol is the likeliest after all before it, read from the beginning."""
    written = "the "
    for piece in Generator(model, "the ", sampling=Sampling(temperature=0)).take(15):
        if piece:
            expected = model.next_log_probabilities(written)
            expected[:2] = -np.inf  # padding and unknown are never drawn
            assert model.codec_.spell([int(expected.argmax())]) == [piece]
            written += piece


def test_pieces_are_the_text_of_the_symbols(models):
    for (unit, _), (model, _) in models.items():
        text = Generator(model, seed=4)
        symbols, pieces = [], []
        for _ in range(50):
            pieces.append(next(text))
            symbols.append(text.ids[-1])
        assert "".join([*pieces, text.rest()]) == model.codec_.decode(symbols), unit


def test_a_character_of_several_bytes_appears_when_it_is_whole():
    model = small("byte", text="東京" * 300, hidden_size=24, layers=1, epochs=20)
    pieces = list(Generator(model, sampling=Sampling(temperature=0)).take(30))
    assert "".join(pieces) == "東京" * 5
    assert pieces.count("") == 2 * 10 + 1  # and the rest, in which nothing is left


def test_seed_and_number_decide_and_lengths_do_not(model):
    long = "".join(Generator(model, seed=3).take(80))
    assert long == generate(model, length=80, seed=3)
    assert long.startswith(generate(model, length=30, seed=3))
    text = Generator(model, seed=3)
    assert "".join([*text.take(30), *text.take(50)]) == long
    others = {generate(model, length=80, seed=4), "".join(Generator(model, seed=3, number=1).take(80))}
    assert len(others | {long}) == 3


def test_memory_does_not_grow_with_the_text(model):
    def size(text):
        state = text.state_dict()
        return sum(tensor.numel() for layer in state["states"] for tensor in layer) + len(state["ids"])

    text = Generator(model, "the cat sat", sampling=Sampling(repetition_penalty=1.2, repetition_window=8))
    list(text.take(20))
    before = size(text)
    list(text.take(300))
    assert (size(text), text.drawn) == (before, 320)


def test_generating_leaves_the_callers_random_numbers_alone(model):
    before = torch.get_rng_state()
    generate(model, length=5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_ends_before_the_first_stop(models, unit):
    model = next(pair[0] for (one, _), pair in models.items() if one == unit)
    free = generate(model, length=300, seed=2)
    stops = [free[60:63], free[90:92]]
    text = Generator(model, seed=2, stop=stops)
    stopped = "".join(text.take(300))
    assert stopped == free[: min(free.find(stop) for stop in stops)]
    assert text.stopped in stops
    assert list(text.take(9)) == []


def test_what_only_looked_like_a_stop_is_not_lost(model):
    free = generate(model, length=40, seed=5)
    never = free[-3:] + "the cat sat on"
    assert generate(model, length=40, seed=5, stop=[never]) == free


def test_a_stop_may_begin_within_a_word_and_pass_over_several():
    model = small("word", text="one two. three\n" * 60)
    for stop in ("wo. thr", "two", ".", "\n", "<eos>", "one"):
        assert Generator(model, stop=[stop]).stopped is None
    for stop in ("zz", "two  three", "twothree", "two four three", "two zz"):
        with pytest.raises(InputError, match="can never occur"):
            Generator(model, stop=[stop])


def test_stops_that_can_never_occur_and_empty_ones(model):
    with pytest.raises(InputError, match=r"^the stop 'Zebra' can never occur: the model never writes 'Z'$"):
        Generator(model, stop=["Zebra"])
    with pytest.raises(InputError, match="a stop is empty"):
        Generator(model, stop=[""])


@pytest.mark.parametrize("unit", UNITS)
def test_an_empty_prompt_begins_a_document(models, unit):
    model = next(pair[0] for (one, _), pair in models.items() if one == unit)
    assert Generator(model, "").note == ""
    assert generate(model, length=20)


def test_prompts_with_unknown_symbols(models):
    characters, words, pieces, data = (
        next(pair[0] for (one, _), pair in models.items() if one == unit) for unit in UNITS
    )
    assert Generator(characters, "the %at%").note == "the model does not know '%' of the prompt"
    assert Generator(words, "the zebra sat, the yak").note == "the model does not know 'zebra', 'yak' of the prompt"
    assert Generator(pieces, "the % cat").note == "the model does not know '%' of the prompt"
    assert Generator(data, "whatever % there is").note == ""
    many = Generator(words, "the " + " ".join(f"w{number}" for number in range(9))).note
    assert many.endswith("'w4' and 4 more of the prompt")
    for model, prompt in ((characters, "%&"), (words, "zebra")):
        with pytest.raises(InputError, match="the prompt has nothing that the model knows, found "):
            Generator(model, prompt)
    with pytest.raises(InputError, match="begin with a character of its own"):
        Generator(characters, "%")


def test_lengths_and_seeds_below_zero(model):
    with pytest.raises(InputError, match="length is -1; expected 0 or more"):
        generate(model, length=-1)
    with pytest.raises(InputError, match="seed is -1; expected 0 or more"):
        generate(model, seed=-1)
    assert generate(model, length=0) == ""
