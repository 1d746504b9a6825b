"""A server says of an input what `treadle predict` says of it, whoever shares the batch."""

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from seen import pictures, series
from spoken import RATE, spoken
from starlette.testclient import TestClient

from treadle.serving.answers import plain
from treadle.tasks.language.generate import generate
from treadle.tasks.language.sampling import Sampling
from treadle.tasks.run import work_of
from treadle.tasks.source import DataSource

TEXTS = {
    "names": ["Ada saw Rome", "Bob left", ""],
    "poet": ["to be or not", "that", ""],
    "numbers": ["eins zwei", "drei", ""],
}


def predicted(zoo: Path, name: str, lines: list[str]) -> list[dict[str, Any]]:
    """What the command line answers to lines."""
    work = work_of(zoo / name)
    found = work.predict(zoo / name, DataSource("-"), iter(lines), {})
    return [plain(dict(answer.content)) for answer in found]


def ask(client: TestClient, model: str, *inputs: Any, **more: Any) -> list[dict[str, Any]]:
    response = client.post("/v1/predict", json={"model": model, "inputs": list(inputs), **more})
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["answers"]
    return answers


def close_to(found: Any, wanted: Any) -> bool:
    """Equal, up to the rounding of a sum in another order."""
    if isinstance(wanted, float):
        return found == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close_to(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close_to, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_answered_as_on_the_command_line(client: TestClient, zoo: Path, name: str) -> None:
    found = ask(client, name, *TEXTS[name])
    wanted = predicted(zoo, name, TEXTS[name])
    for own in wanted:
        own.pop("where", None)
    assert close_to(found, wanted)


def test_sequences_are_answered_as_by_the_estimator(client: TestClient, models: dict[str, Any]) -> None:
    texts = ["a fine film", "cold and dull", ""]
    probable = models["mood"].predict_proba(texts)
    for answer, row in zip(ask(client, "mood", *texts), probable, strict=True):
        assert list(answer["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-5)
        assert answer["prediction"] == models["mood"].classes_[row.argmax()]
    series = [[0.5, None, 2.0], [1.0]]
    wanted = models["level"].predict([np.array([0.5, np.nan, 2.0]), np.array([1.0])])
    assert [one["prediction"] for one in ask(client, "level", *series)] == pytest.approx(wanted.tolist(), rel=1e-4)
    (moved,) = ask(client, "gestures", [[1, 2], [3, 4]])
    assert moved["prediction"] in ("still", "moving")


def test_a_table_is_forecast_as_by_the_estimator_in_either_form(client: TestClient, models: dict[str, Any]) -> None:
    months = [str(np.datetime64("2019-01") + k) for k in range(30)]
    y = [50 + 10 * float(np.sin(k * np.pi / 6)) for k in range(30)]
    wanted = models["sales"].predict({"ds": months, "y": y})
    csv = "ds,y\n" + "\n".join(f"{ds},{value!r}" for ds, value in zip(months, y, strict=True))
    for table in ({"ds": months, "y": y}, csv):
        (answer,) = ask(client, "sales", table)
        (series,) = answer["series"]
        assert series["forecast"]["ds"] == wanted["ds"]
        for level in ("y", "y_10", "y_90"):
            assert series["forecast"][level] == pytest.approx(wanted[level], rel=1e-4)
        assert series["history"]["y"] == pytest.approx(y)
    (short,) = ask(client, "sales", csv, options={"horizon": 2})
    assert len(short["series"][0]["forecast"]["y"]) == 2


def wav(samples: Any, rate: int) -> dict[str, str]:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return {"audio": base64.b64encode(file.getvalue()).decode()}


def test_a_recording_is_transcribed_with_the_times_of_its_words(client: TestClient, models: dict[str, Any]) -> None:
    sounds, _ = spoken(4, 200)
    wanted = models["tones"].transcribe(sounds)
    found = ask(client, "tones", *[wav(one.samples, RATE) for one in sounds])
    assert [one["text"] for one in found] == [one.text for one in wanted]
    assert [one["words"] for one in found] == [plain(one.to_json()["words"]) for one in wanted]


def png(picture: Any) -> dict[str, str]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return {"image": base64.b64encode(file.getvalue()).decode()}


def test_pictures_and_frames_are_told_about_with_where_was_looked(client: TestClient, models: dict[str, Any]) -> None:
    shown, _ = pictures(3, seed=5)
    found = ask(client, "squares", *map(png, shown), explain=True)
    for answer, (wanted,) in zip(found, models["squares"].caption(shown), strict=True):
        assert answer["caption"] == wanted.text
        np.testing.assert_allclose(answer["explanation"]["attention"], wanted.attention, atol=1e-3)
    frames, _ = series(2, seed=5)
    told = ask(client, "bumps", *[one.tolist() for one in frames], states=True)
    assert [one["caption"] for one in told] == models["bumps"].predict(frames)
    assert [one["states"]["of_steps"] for one in told] == [len(one) for one in frames]


def test_clients_at_once_are_answered_together_and_each_as_if_alone(client: TestClient) -> None:
    texts = [" ".join(["fine", "dull", "film", "and"][: 1 + k % 4]) for k in range(24)]
    alone = [ask(client, "mood", text)[0] for text in texts]
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda text: ask(client, "mood", text)[0], texts))
    assert close_to(found, alone)


def test_one_bad_input_fails_alone(client: TestClient) -> None:
    def post(value: Any) -> int:
        return client.post("/v1/predict", json={"model": "gestures", "inputs": [value]}).status_code

    values = [[[1, 2]], [[1, 2, 3]], [[3, 4]], "moving", [[5, 6], [7, 8]]] * 3
    with ThreadPoolExecutor(15) as pool:
        found = list(pool.map(post, values))
    assert found == [200, 422, 200, 422, 200] * 3


def test_what_moved_an_answer_is_told_word_by_word(client: TestClient, models: dict[str, Any]) -> None:
    (answer,) = ask(client, "mood", "a fine film", explain=True)
    told = answer["explanation"]["columns"]["input"]
    assert told["tokens"] == ["a", "fine", "film"]
    chosen = models["mood"].classes_.tolist().index(answer["prediction"])
    # Integrated gradients are complete: they sum to what the words change of the number (Sundararajan et al. 2017).
    network = models["mood"].network_
    nothing = network.encoder(0).encode(torch.zeros(1, 3, 8), torch.tensor([3]))
    with torch.no_grad():
        said = models["mood"].answer_columns({"input": ["a fine film"]}) - network.answer([nothing])
    assert sum(told["weights"]) == pytest.approx(float(said[0, chosen]), abs=0.02)
    assert answer["explanation"]["for"] == answer["prediction"]
    (answer,) = ask(client, "names", "Ada left Rome", explain=True)
    (wanted,) = models["names"].saliency(["Ada", "left", "Rome"], answer["explanation"]["tags"][0]["token"]).parts
    assert answer["explanation"]["tags"][0]["weights"] == pytest.approx(list(wanted.weights), abs=1e-4)
    (answer,) = ask(client, "numbers", "eins zwei", explain=True)
    rows = answer["explanation"]["attention"]
    assert len(rows) == len(answer["explanation"]["tokens"])
    assert all(sum(row) == pytest.approx(1, abs=1e-2) for row in rows)


@pytest.mark.parametrize(
    ("name", "value", "steps"),
    [("mood", "a fine film", 3), ("names", "Ada saw Rome", 3), ("poet", "to be", 5), ("level", [1, 2, 3, 4], 4)],
)
def test_the_hidden_states_have_a_row_a_step(client: TestClient, name: str, value: Any, steps: int) -> None:
    (answer,) = ask(client, name, value, states=True)
    states = answer["states"]
    assert states["of_steps"] == len(states["values"]) == steps
    assert states["of_units"] == len(states["values"][0])
    assert np.abs(states["values"]).max() > 0


def test_text_is_written_as_by_the_generator(client: TestClient, models: dict[str, Any]) -> None:
    body = {"model": "poet", "prompt": "to ", "length": 30, "temperature": 0.8, "top_k": 5, "seed": 4}
    with client.stream("POST", "/v1/generate", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [part.split("\n") for part in "".join(response.iter_text()).strip().split("\n\n")]
    content = [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]
    text = "".join(data["text"] for name, data in content if name == "text")
    assert text == generate(models["poet"], "to ", length=30, sampling=Sampling(0.8, 5), seed=4)
    assert content[-1] == ("end", {"ended": "length", "tokens": 30})
    assert len(content) > 2


def test_models_are_listed_with_what_a_client_must_know(client: TestClient) -> None:
    told = {one["name"]: one for one in client.get("/v1/models").json()["models"]}
    assert {one["task"] for one in told.values()} == {
        "classify", "regress", "tag", "language-model", "forecast", "translate", "transcribe", "caption"
    }  # fmt: skip
    assert told["mood"]["classes"] == ["bad", "good"]
    assert told["mood"]["reads"] == "text"
    assert not told["numbers"]["streams"]
    assert told["sales"]["horizon"] == 6


def test_health_and_metrics_tell_what_was_done(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    ask(client, "mood", "film", "fun")
    lines = client.get("/metrics").text.split("\n")
    rows = [line for line in lines if line.startswith('treadle_rows_total{model="mood"}')]
    assert float(rows[0].split(" ")[1]) >= 2
    assert any(line.startswith('treadle_requests_total{path="/v1/predict",status="200"}') for line in lines)
    assert "# TYPE treadle_request_seconds histogram" in lines
