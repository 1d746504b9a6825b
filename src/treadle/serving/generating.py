"""Text for a client, as server-sent events while it is written."""

import time
from collections.abc import AsyncIterator

from treadle.serving.answers import as_text
from treadle.serving.limits import Refusal
from treadle.serving.schemas import GenerateRequest
from treadle.serving.state import State
from treadle.serving.tasks.language import ServedLanguage, Writing
from treadle.tasks.language.sampling import Sampling

AT_ONCE = 8
"""Symbols that are drawn before other work of the models has its turn."""


async def written(state: State, request: GenerateRequest) -> Writing:
    """The beginning of a text.

    Raises:
        Refusal: There is no such model, it writes no text, too many are written, or the length is too much.
        InputError: The model cannot go on from the prompt.
    """
    model = state.model(request.model)
    if not isinstance(model, ServedLanguage):
        raise Refusal(422, f"{model.name!r} is a model of the task {model.estimator.task!r}, which writes no text")
    if request.length > state.limits.tokens:
        raise Refusal(422, f"length is {request.length:,}, the server writes up to {state.limits.tokens:,} symbols")
    if state.writing >= state.limits.generations:
        raise Refusal(429, f"{state.writing} texts are being written already, try again in a moment")
    sampling = Sampling(request.temperature, request.top_k, request.top_p, request.repetition_penalty)
    return await state.worker.run(
        model.begin, request.prompt, request.length, sampling, request.seed, tuple(request.stop)
    )


async def events(state: State, request: GenerateRequest, writing: Writing) -> AsyncIterator[str]:
    """Events `text`, a piece each, and at the end `end`; closing the connection ends the writing."""
    model = state.model(request.model).name
    since, seconds = time.monotonic(), state.limits.answer_seconds
    state.writing += 1
    try:
        if writing.text.note:
            yield _event("note", {"note": writing.text.note})
        ended = "time"
        while time.monotonic() - since < seconds:
            before = writing.text.drawn
            piece = await state.worker.run(writing.some, AT_ONCE)
            state.metrics.add("treadle_generated_total", model, writing.text.drawn - before)
            if piece is None:
                ended = writing.ended
                break
            if piece:
                yield _event("text", {"text": piece})
        yield _event("end", {"ended": ended, "tokens": writing.text.drawn})
    finally:
        state.writing -= 1


def _event(name: str, content: dict[str, object]) -> str:
    return f"event: {name}\ndata: {as_text(content)}\n\n"
