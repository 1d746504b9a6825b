"""docs/export.md: its second program has neither Treadle nor torch, and what it prints is what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
ONNX = PAGE.split("## ONNX")[1]
WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("treadle", "torch", "sklearn", "onnx"):
            raise ImportError(f"this program has no {name}")
sys.meta_path.insert(0, Refuse())
"""


def test_the_example_runs_with_numpy_and_onnx_runtime_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = re.findall(r"^```python\n(.*?)^```$", ONNX, re.DOTALL | re.MULTILINE)[:2]
    (printed,) = re.findall(r"^```text\n(.*?)^```$", ONNX, re.DOTALL | re.MULTILINE)[:1]
    exec(first, {})
    shapes = [re.sub(r"[\d,.e+-]+", "#", text) for text in (capsys.readouterr().out, printed)]
    assert shapes[0] == shapes[1]
    ran = subprocess.run([sys.executable, "-c", WITHOUT + second], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
