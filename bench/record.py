"""Keeps `bench/RESULTS.md`: each script owns one section, and a new run replaces it."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

import torch

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """# Measured

Each section is written by the script that it names. Times on one machine are ratios of things run in turn in one
process; absolute figures only say of what order they are.
"""


def record(script: str, title: str, body: str) -> None:
    """Write one section.

    Args:
        script: The command that makes it again; it names the section.
        title: Its heading.
        body: Markdown.
    """
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    begin, end = f"<!-- begin {script} -->", f"<!-- end {script} -->"
    section = f"{begin}\n## {title}\n\n`{script}`, {machine()}, {time.strftime('%Y-%m-%d')}\n\n{body.strip()}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    text = pattern.sub(lambda _: section, text) if pattern.search(text) else f"{text.rstrip()}\n\n{section}\n"
    RESULTS.write_text(text, encoding="utf-8")
    print(body)


def machine() -> str:
    """Processor, threads and versions, in one phrase."""
    name = platform.processor() or platform.machine()
    try:
        listed = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"Model name:\s*(.+)", listed)
        vectors = "AVX-512" if "avx512f" in listed else "AVX2" if "avx2" in listed else ""
        name = f"{found[1].strip()} {vectors}".strip() if found else name
    except (OSError, subprocess.CalledProcessError):
        pass
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
