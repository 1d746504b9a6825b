"""The application: routes of the API and of the page, one sentence for whatever is wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response, StreamingResponse

import treadle
from treadle.errors import InputError
from treadle.serving.answers import as_answer
from treadle.serving.generating import events, written
from treadle.serving.guard import Guard
from treadle.serving.limits import Limits, Refusal
from treadle.serving.pages import INDEX, Pages
from treadle.serving.schemas import GenerateRequest, Health, Models, PredictRequest, PredictResponse, Problem
from treadle.serving.served import Served
from treadle.serving.state import State
from treadle.serving.streams import stream
from treadle.serving.zoo import Opened

PREDICT, GENERATE, MODELS, STREAM = "/v1/predict", "/v1/generate", "/v1/models", "/v1/stream"
HEALTH, METRICS, ROOT = "/health", "/metrics", "/"

REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        401: "A token is needed.",
        404: "There is no such model.",
        408: "The body or the answer took too long.",
        413: "The body is too large.",
        422: "The request cannot be used.",
        429: "Too much is asked at once.",
    }.items()
}


def _state(request: Request) -> State:
    return cast(State, request.app.state.treadle)


Here = Annotated[State, Depends(_state)]


def create_app(
    models: Iterable[Opened],
    *,
    limits: Limits | None = None,
    token: str | None = None,
    loopback: bool = True,
    warn: Callable[[str], None] = lambda _: None,
) -> FastAPI:
    """The application of a server, for uvicorn or any other server of ASGI.

    Args:
        models: What it serves, as `open_zoo` gives them.
        limits: What it takes on.
        token: That clients must send, or None.
        loopback: Whether it is bound to the machine itself: then it answers to no other name.
        warn: Is told of models that cannot be served.

    Raises:
        InputError: There is no model that can be served.
    """
    limits = limits or Limits()
    state = State(models, limits, warn)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.begin()
        yield
        await state.end()

    app = FastAPI(
        title="Treadle",
        version=treadle.__version__,
        description="Recurrent models that answer, write and go along with streams.",
        docs_url=None,  # its page comes from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.treadle = state
    app.add_exception_handler(InputError, _unusable)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    _add_routes(app)
    _add_pages(app, Pages())
    paths = (PREDICT, GENERATE, MODELS, STREAM, HEALTH, METRICS, ROOT)
    guard: Any = Guard
    app.add_middleware(guard, limits=limits, metrics=state.metrics, token=token, loopback=loopback, paths=paths)
    return app


def _add_routes(app: FastAPI) -> None:
    @app.get(MODELS, response_model=Models, responses=REFUSED, summary="What is served")
    async def models(state: Here) -> Response:
        return as_answer({"models": [state.describe(model) for model in state.served.values()]})

    @app.post(PREDICT, response_model=PredictResponse, responses=REFUSED, summary="Answers to inputs")
    async def predict(request: PredictRequest, state: Here) -> Response:
        model = state.model(request.model)
        if len(request.inputs) > state.limits.rows:
            raise Refusal(
                422, f"there are {len(request.inputs):,} inputs, the server takes up to {state.limits.rows:,}"
            )
        options = model.check_options(request.options)
        cells = await state.worker.run(lambda: model.check_all(request.inputs))
        answers = await state.batchers[model.name].submit(cells, options)
        if request.explain or request.states:
            answers = await _more(state, model, request, cells, answers, options)
        return as_answer({"model": model.name, "answers": answers})

    @app.post(
        GENERATE,
        response_class=StreamingResponse,
        responses=REFUSED | {200: {"content": {"text/event-stream": {}}, "description": "Events `text` and `end`."}},
        summary="Text, as it is written",
    )
    async def generate(request: GenerateRequest, state: Here) -> Response:
        writing = await written(state, request)
        return StreamingResponse(events(state, request, writing), media_type="text/event-stream")

    @app.get(HEALTH, response_model=Health, summary="Whether the server is there")
    async def health(state: Here) -> Response:
        return as_answer({"status": "ok", "models": len(state.served), "version": treadle.__version__})

    @app.get(METRICS, response_class=PlainTextResponse, summary="What the server has done, for Prometheus")
    async def metrics(state: Here) -> Response:
        return Response(state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.websocket(STREAM)
    async def streams(websocket: WebSocket) -> None:
        await stream(websocket, websocket.app.state.treadle)


async def _more(
    state: State,
    model: Served,
    request: PredictRequest,
    cells: Sequence[Any],
    answers: Sequence[Mapping[str, Any]],
    options: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Answers with what moved them and the states, one input after the other, so that others have their turn between.

    Raises:
        Refusal: It takes too long.
    """
    told = [dict(answer) for answer in answers]
    try:
        async with asyncio.timeout(state.limits.answer_seconds):
            for cell, answer in zip(cells, told, strict=True):
                if request.explain:
                    answer["explanation"] = await state.worker.run(model.explain, cell, answer, options)
                if request.states:
                    answer["states"] = await state.worker.run(model.states, cell, options)
    except TimeoutError:
        raise Refusal(408, "explanations and states took too long; ask for them with fewer inputs") from None
    return told


def _add_pages(app: FastAPI, pages: Pages) -> None:
    @app.get(ROOT, include_in_schema=False)
    async def index(request: Request) -> Response:
        return pages.get(request, INDEX) or as_answer({"error": "there is no page"}, 404)

    @app.get("/page/{name}", include_in_schema=False)
    async def part(request: Request, name: str) -> Response:
        return pages.get(request, name) or as_answer({"error": "there is no such part of the page"}, 404)


async def _unusable(_: Request, error: Exception) -> Response:
    return as_answer({"error": str(error)}, 422)


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast(Refusal, error)
    response = as_answer({"error": refusal.sentence}, refusal.status)
    if refusal.status == 429:
        response.headers["retry-after"] = "1"
    return response


async def _invalid(_: Request, error: Exception) -> Response:
    """The first thing that is wrong with a body, in a sentence that names its place."""
    first = cast(RequestValidationError, error).errors()[0]
    if first["type"] == "json_invalid":
        return as_answer({"error": f"the body is no JSON ({first['ctx']['error']}, character {first['loc'][-1]})"}, 422)
    place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    expected = first["msg"][:1].lower() + first["msg"][1:]
    return as_answer({"error": f"{place}: {expected}"}, 422)


async def _http(_: Request, error: Exception) -> Response:
    """What the framework refuses by itself."""
    found = cast(HTTPException, error)
    sentences = {
        400: "the body cannot be read as JSON: it nests too deep, is not UTF-8 or holds a number without end",
        404: "there is nothing at this address; see /openapi.json",
        405: "this address does not take this method; see /openapi.json",
    }
    response = as_answer({"error": sentences.get(found.status_code, str(found.detail))}, found.status_code)
    for name, value in (found.headers or {}).items():
        response.headers[name] = value
    return response
