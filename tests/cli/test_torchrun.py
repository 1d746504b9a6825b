"""`treadle train` under torch's launcher: several processes train, one of them writes and speaks."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from torch import distributed
from treadle.cli import main
from treadle.tasks import config, folder

def watched(path, content, write=folder.write_atomically):
    sys.stderr.write(f"writes {path.name}\\n")
    write(path, content)

config.write_atomically = folder.write_atomically = watched
code = main()
sys.stderr.write("in a group\\n" if distributed.is_initialized() else "by itself\\n")
sys.exit(code)
"""


def test_two_processes_make_one_run(reviews: Path, tmp_path: Path) -> None:
    program, out = tmp_path / "program.py", tmp_path / "run"
    program.write_text(PROGRAM)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(program)]
    options = ["--hidden", "4", "--epochs", "2", "--device", "cpu", "--test", str(reviews), "--out", str(out)]
    done = subprocess.run(
        [*launcher, "train", str(reviews), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("by itself") == 2, done.stderr  # a process that ends in its group may be aborted
    assert done.stdout.count("target: 'label'") == 1
    assert done.stdout.count("test      accuracy") == 1
    for name in ("config.toml", "features.json", "model.safetensors"):
        assert done.stderr.count(f"writes {name}") == 1, done.stderr
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2
    assert json.loads((out / "result.json").read_text())["test"]["accuracy"] >= 0
