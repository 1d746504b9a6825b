"""A server under load: many clients of /v1/predict, two thousand streams at once, memory over time.

python bench/serving.py [SECONDS] [MEMORY_SECONDS]

The server is a process of its own; clients are one other process on the same machine, so both share its cores.
"""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect

from record import record, table
from treadle import LanguageModel, SequenceClassifier
from treadle.data.builtin import load
from treadle.serving.server import allow_connections

CLIENTS, SESSIONS, STEPS = 64, 2_000, 5
SECONDS, MEMORY_SECONDS, WARM_UP = 60.0, 600.0, 3.0
PROGRAM = "import sys; from treadle.cli import main; sys.exit(main())"


def train(folder: Path) -> tuple[Any, list[str]]:
    """A causal classifier of spoken-like commands, and a language model of the same; texts that nobody trained on."""
    rows, test = load("commands", "train").columns, load("commands", "test").columns
    texts = [" ".join(one) if isinstance(one, list) else one for one in rows[TEXT]]
    options: dict[str, Any] = {"cell": "gru", "hidden_size": 128, "epochs": 2, "seed": 0}
    model = SequenceClassifier(**options, bidirectional=False).fit(texts, rows[LABEL])
    model.save(folder / "intents")
    LanguageModel(unit="char", cell="gru", hidden_size=64, layers=1, epochs=1, seed=0).fit(" ".join(texts[:300])).save(
        folder / "writer"
    )
    return model, [" ".join(one) if isinstance(one, list) else one for one in test[TEXT]]


TEXT, LABEL = "text", "intent"


class Server:
    """`treadle serve` of a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", PROGRAM, "serve", str(folder), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        assert found is not None
        self.port = int(found[1])

    def memory(self) -> float:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found is not None
        return int(found[1]) / 1024

    def processor(self) -> float:
        """Seconds that it has computed, over all cores."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, path: str) -> tuple[int, bytes]:
    """One request on a connection that stays open: status and content."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", answer)
    content = await reader.readexactly(int(length[1])) if length else await reader.read()
    return int(answer.split(b" ", 2)[1]), content


async def predicting(port: int, texts: list[str], seconds: float) -> tuple[list[float], int]:
    """`CLIENTS` clients that ask one text after the other: seconds of each request, and how many failed."""
    times: list[float] = []
    errors = 0
    start = time.perf_counter() + WARM_UP

    async def client(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        draw = random.Random(number)
        while (since := time.perf_counter()) < start + seconds:
            body = json.dumps({"model": "intents", "inputs": [draw.choice(texts)]}).encode()
            status, content = await post(reader, writer, body, "/v1/predict")
            if status != 200 or b'"prediction"' not in content:
                errors += 1
            if since >= start:
                times.append(time.perf_counter() - since)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return times, errors


async def streaming(port: int, texts: list[str], model: Any) -> tuple[float, float, int]:
    """`SESSIONS` streams that all step at once: seconds a round, the largest difference from offline, wrong counts."""
    words = sorted({word for text in texts for word in text.split() if word.isalpha()})
    draw = random.Random(0)
    scripts = [[draw.choice(words) for _ in range(STEPS)] for _ in range(SESSIONS)]
    url = f"ws://127.0.0.1:{port}/v1/stream?model=intents"
    room = asyncio.Semaphore(100)

    async def opened() -> Any:
        async with room:
            stream = await connect(url, open_timeout=120, ping_interval=None)
            await stream.recv()
            return stream

    streams = await asyncio.gather(*(opened() for _ in range(SESSIONS)))
    told: list[list[dict[str, Any]]] = []
    since = time.perf_counter()
    for step in range(STEPS):
        await asyncio.gather(
            *(s.send(json.dumps({"step": one[step]})) for s, one in zip(streams, scripts, strict=True))
        )
        told.append([json.loads(answer) for answer in await asyncio.gather(*(stream.recv() for stream in streams))])
    seconds = (time.perf_counter() - since) / STEPS
    await asyncio.gather(*(stream.close() for stream in streams))
    worst, wrong = 0.0, 0
    for step, answers in enumerate(told):
        offline = model.predict_proba([" ".join(one[: step + 1]) for one in scripts])
        online = np.array([list(one["answer"]["probabilities"].values()) for one in answers])
        worst = max(worst, float(np.abs(online - offline).max()))
        wrong += sum(one["steps"] != step + 1 for one in answers)
    return seconds, worst, wrong


async def mixed(server: Server, texts: list[str], seconds: float) -> list[tuple[float, float]]:
    """A little of everything for a long time: answers, text that is written, streams that come and go; memory."""
    draw = random.Random(0)
    start, seen = time.perf_counter(), list[tuple[float, float]]()
    while (now := time.perf_counter() - start) < seconds:
        if not seen or now - seen[-1][0] >= 5:
            seen.append((now, server.memory()))
        body = {"model": "intents", "inputs": draw.sample(texts, 8), "explain": draw.random() < 0.2, "states": True}
        connection = await asyncio.open_connection("127.0.0.1", server.port)
        await post(*connection, json.dumps(body).encode(), "/v1/predict")
        connection[1].close()
        connection = await asyncio.open_connection("127.0.0.1", server.port)
        await post(*connection, b'{"model": "writer", "length": 40}', "/v1/generate")
        connection[1].close()
        async with connect(f"ws://127.0.0.1:{server.port}/v1/stream?model=intents") as stream:
            await stream.recv()
            for word in draw.choice(texts).split():
                await stream.send(json.dumps({"step": word}))
                await stream.recv()
            if draw.random() < 0.9:
                await stream.send('{"close": true}')
        await asyncio.sleep(0.2)
    return seen


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    memory_seconds = float(sys.argv[2]) if len(sys.argv) > 2 else MEMORY_SECONDS
    allow_connections()
    with tempfile.TemporaryDirectory() as folder:
        model, texts = train(Path(folder))
        server = Server(Path(folder))
        try:
            idle = server.processor()
            times, errors = asyncio.run(predicting(server.port, texts, seconds))
            share = (server.processor() - idle) / (len(times) * (1 + WARM_UP / seconds))
            after_load = server.memory()
            round_seconds, worst, wrong = asyncio.run(streaming(server.port, texts, model))
            after_streams = server.memory()
            seen = asyncio.run(mixed(server, texts, memory_seconds)) if memory_seconds else []
        finally:
            code = server.close()
    busy = os.getloadavg()[1]
    rows = [
        ["clients", f"{CLIENTS}, one text a request"],
        ["requests a second", f"{len(times) / seconds:,.0f}"],
        ["p50", f"{1000 * np.quantile(times, 0.5):.0f} ms"],
        ["p99", f"{1000 * np.quantile(times, 0.99):.0f} ms"],
        ["processor time of the server, a request", f"{1000 * share:.1f} ms"],
        ["errors", f"{errors} of {len(times):,}"],
        [f"{SESSIONS:,} WebSocket sessions, a step of each", f"{round_seconds:.2f} s a round, clients in one process"],
        ["largest difference from offline", f"{worst:.1e}"],
        ["answers to the wrong step", str(wrong)],
        ["memory after the load, and after the sessions", f"{after_load:.0f} and {after_streams:.0f} MiB"],
    ]
    if seen:
        tenth = max(1, len(seen) // 10)
        # What is allocated in the first tenth stays; the question is what comes to it.
        first, last = (np.median([mib for _, mib in part]) for part in (seen[tenth : 2 * tenth], seen[-tenth:]))
        rows.append(
            [f"memory over {memory_seconds / 60:.0f} minutes of mixed requests", f"{first:.1f} to {last:.1f} MiB"]
        )
    body = table(["", "measured"], rows)
    note = (
        f"A causal GRU of 128 units on the built-in commands; {seconds:.0f} s after {WARM_UP:.0f} s of warm-up. Server "
        f"and clients share the machine; load average {busy:.1f}. SIGTERM ended the server with exit code {code}."
    )
    record("python bench/serving.py", "A server under load", f"{body}\n\n{note}")


if __name__ == "__main__":
    main()
