"""From vector code to functions that can be called: compile, keep on disk, load.

What LLVM made of a module is kept as an object file under a name that holds all it depends on: the code, the processor
and LLVM's version. A file is written under another name and moved into place, so that several processes may start at
once; each sees a whole file or none. It begins with a digest of the rest: LLVM ends the process over an object that it
cannot read, so a file that a disk or a copy has damaged is compiled anew.
"""

import ctypes
import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llvmlite import binding, ir

from treadle.compiler.cpu.machine import host

_jit: Any = None
_loaded: dict[str, Any] = {}
_said: set[str] = set()


def cache_folder() -> Path:
    """Where compiled kernels are kept: `$TREADLE_CACHE`, or `treadle` in the user's folder for caches."""
    chosen = os.environ.get("TREADLE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "treadle"


def load(
    module: ir.Module, functions: Sequence[str], *, imports: Mapping[str, int] | None = None, announce: str = ""
) -> dict[str, int]:
    """The addresses of a module's functions; compiled now if no earlier run has.

    Args:
        module: The code.
        functions: The names that are wanted.
        imports: The addresses of functions that it calls, by name.
        announce: What is being compiled: a cell's name and, after a comma, which of its passes. The first pass of a
            cell that has to be compiled says so in a line on standard error; what belongs to no cell says nothing.
    """
    text = str(module)
    key = hashlib.sha256(f"{host().name}\n{text}".encode()).hexdigest()[:32]
    if key not in _loaded:
        path = cache_folder() / f"{key}.o"
        public = [f.name for f in module.functions if not f.is_declaration and f.linkage != "internal"]
        _loaded[key] = _link(key, _read(path) or _compile(text, path, announce), public, imports or {})
    return {name: _loaded[key][name] for name in functions}


def function(address: int, arguments: int) -> Any:
    """A function of integers (or addresses) that returns nothing; Python's lock is released while it runs."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)


def _read(path: Path) -> bytes | None:
    """What a file keeps; None where there is none, or it is not what was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, made = data[: hashlib.sha256().digest_size], data[hashlib.sha256().digest_size :]
    return made if hashlib.sha256(made).digest() == digest else None


def _compile(text: str, path: Path, announce: str) -> bytes:
    cell, _, which = announce.partition(", ")
    if which:
        _say(f"compiling {cell} for this machine ...")
    machine = host().target_machine()
    module = binding.parse_assembly(text)
    module.verify()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    made: bytes = machine.emit_object(module)
    _keep(path, hashlib.sha256(made).digest() + made)
    return made


def _say(line: str) -> None:
    """A line on standard error, once a process; a progress bar of rich's lets it pass above itself."""
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr)


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. A folder that cannot be written only costs the next process its time."""
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            name = file.name
            file.write(data)
        os.replace(name, path)
    except OSError as error:
        _say(f"compiled kernels are not kept in {path.parent}: {error.strerror}")
        if name is not None:
            Path(name).unlink(missing_ok=True)


def _link(key: str, made: bytes, functions: Sequence[str], imports: Mapping[str, int]) -> Any:
    global _jit
    if _jit is None:
        _jit = binding.create_lljit_compiler(host().target_machine())
    builder = binding.JITLibraryBuilder().add_object_img(made).add_current_process()
    for name, address in imports.items():
        builder.import_symbol(name, address)
    for name in functions:
        builder.export_symbol(name)
    return builder.link(_jit, key)
