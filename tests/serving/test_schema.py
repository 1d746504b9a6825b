"""schemathesis makes requests of all kinds from the OpenAPI description; none is answered by a 5xx."""

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, of its dependencies
    import schemathesis
    from schemathesis import GenerationMode

QUIET = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
KNOWN = ["mood", "poet", "sales"]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_server_fail(client: TestClient, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    paths = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        paths.add(operation.path)
        if mode is GenerationMode.NEGATIVE and operation.method == "get":
            continue  # there is nothing that could be wrong

        @QUIET
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            request = case.as_transport_kwargs(base_url="http://localhost")
            answers(client, request)
            if isinstance(request.get("json"), dict):  # and of a model that there is
                for model in KNOWN:
                    answers(client, request | {"json": request["json"] | {"model": model}})

        ask()
    assert paths == {"/v1/models", "/v1/predict", "/v1/generate", "/health", "/metrics"}


def answers(client: TestClient, request: dict[str, Any]) -> None:
    """Send a request as it was made; what no client could send is not."""
    headers = {name: value for name, value in request["headers"].items() if value.isascii()}
    options = {name: request[name] for name in ("json", "data", "params") if request.get(name) is not None}
    if isinstance(options.get("data"), bytes):
        options["content"] = options.pop("data")
    try:
        made = client.build_request(request["method"], request["url"], headers=headers, **options)
    except ValueError:
        return
    response = client.send(made)
    assert response.status_code < 500, (request, response.text)
