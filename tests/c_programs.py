"""Models in C, compiled together and held to Treadle's answers; for tests that need a C compiler."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treadle.export.c import files
from treadle.export.c.models import builder

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion", "-Wstrict-prototypes"]

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def differences(
    folder: Path, models: Iterable[tuple[str, Any]], *, int8: bool = False, flags: Iterable[str] = ("-O1",)
) -> dict[str, float]:
    """The largest difference from Treadle's answers of every model by its name, in units of its answers.

    All are compiled in one call of gcc, without a warning.
    """
    names, allowed = [], {}
    for name, model in models:
        sample = builder(model).sample(model, np.random.default_rng(7))
        _, texts = files(model, name, sample, int8=int8)
        test = texts[f"{name}_test.c"].replace("int main(void)", f"int {name}_main(void);\nint {name}_main(void)")
        (folder / f"{name}.h").write_text(texts[f"{name}.h"])
        (folder / f"{name}.c").write_text(texts[f"{name}.c"] + test)
        names.append(name)
        allowed[name] = sample.unit
    calls = "".join(f"    failed += {name}_main();\n" for name in names)
    declared = "".join(f"int {name}_main(void);\n" for name in names)
    (folder / "all.c").write_text(
        f"{declared}int main(void)\n{{\n    int failed = 0;\n{calls}    return failed != 0;\n}}\n"
    )
    sources = [str(folder / f"{name}.c") for name in names]
    program = str(folder / "all")
    built = subprocess.run(
        ["gcc", *STRICT, *flags, "-o", program, str(folder / "all.c"), *sources, "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[:3000]
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert not ran.stderr, ran.stderr[:3000]
    found = dict(re.findall(r"^(\w+): largest difference (\S+) in", ran.stdout, re.MULTILINE))
    assert set(found) == set(names)
    assert ran.returncode == 0, ran.stdout
    return {name: float(difference) / allowed[name] for name, difference in found.items()}
