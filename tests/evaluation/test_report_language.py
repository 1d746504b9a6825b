"""The page of a language model is readable without colours, and shows what a user gave as it is."""

import re

from treadle.evaluation import Estimate, Report, SystemScores, render
from treadle.evaluation.report.language import (
    LanguageFindings,
    ReadToken,
    SurpriseBin,
    Surprising,
    WrittenText,
    language_sections,
)

PASSAGE = [ReadToken("", "<b>", 4.8), ReadToken(" ", "the", 0.1), ReadToken(" ", "end", 2.6), ReadToken("", "\n", 3.0)]


def page(found: LanguageFindings) -> str:
    scores = {"test": {"perplexity": Estimate(9.0, 8.0, 10.0)}}
    model = SystemScores("LSTM", scores)
    sections = language_sections(found)
    return render(Report("A title", "Language model", "perplexity", model, "test", unit="word", sections=sections))


def plain(html: str) -> str:
    return re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.DOTALL)


def test_a_passage_says_its_figures_in_letters_and_keeps_what_was_written():
    text = page(LanguageFindings("word", 5.0, PASSAGE, where="From document 2 of 3."))
    assert "&lt;b&gt;<sub>5</sub>" in text  # the costliest carries its figure
    assert 'title="4.80 nats"' in text
    assert 'title="2.60 nats">end</span>' in text  # the middling is marked, without a figure
    assert ">the<" not in text  # the cheap is not marked at all
    assert "↵\n" in text  # a line end can be seen
    assert "a blind guess costs 5.000" in plain(text)
    assert "From document 2 of 3." in text


def test_the_marks_rise_with_the_surprise_and_end_at_a_blind_guess():
    tokens = [ReadToken(" ", "x", nats) for nats in (1.0, 2.0, 5.0, 50.0)]
    shown = page(LanguageFindings("character", 5.0, tokens)).split('class="text"')[1]
    weights = [float(weight) for weight in re.findall(r"--weight:([\d.]+)", shown.split("</p>")[0])]
    assert weights == [0.2, 0.4, 1.0, 1.0]
    assert "<sub>" not in shown  # figures within words would break them


def test_tables_of_bins_and_of_the_greatest_surprises():
    bins = [SurpriseBin("never", 25, 7.5, 8.25), SurpriseBin("1–9", 75, 2.0, 2.5)]
    most = [Surprising("before <", "word", " after", 9.5, 4.25), Surprising("a line", "\n", "next", 8.0, 3.0)]
    found = LanguageFindings("word", 5.0, surprising=most, by_frequency=bins, by_position=bins[:1])
    text = page(found)
    for cell in ("25.0%", "75.0%", "7.500", "8.250", "9.500", "4.250", "before &lt;<b>word</b> after", "\\n"):
        assert cell in text
    alone = LanguageFindings("word", 5.0, by_frequency=[SurpriseBin("never", 3, 7.5, None)])
    assert "Baseline" not in page(alone)


def test_texts_stand_under_how_they_were_drawn_and_nothing_else_is_made_up():
    text = page(LanguageFindings("word", 5.0, written=[WrittenText("to <be>\nor", "seed 7, temperature 0.8:")]))
    assert text.index("seed 7, temperature 0.8:") < text.index("to &lt;be&gt;\nor")
    assert "What it writes" in text
    assert "Where it is surprised" not in text
    assert language_sections(LanguageFindings("word", 5.0)) == []
