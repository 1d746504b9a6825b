"""What the processor offers: how wide its vectors are, and how large a tile of a matrix product its registers hold."""

import ctypes
import os
import platform
from dataclasses import dataclass
from functools import cache

import llvmlite
from llvmlite import binding


@dataclass(frozen=True)
class Machine:
    """The processor that kernels are compiled for.

    Attributes:
        cpu: LLVM's name of it.
        features: LLVM's list of what it can do.
        vector_bytes: Bytes of a vector register.
        panel_vectors: Vectors of a panel, the block of columns that a tile of a product computes at once.
        tile_rows: Rows of the largest tile; `tile_rows * panel_vectors` sums stay in registers.
        amx: Whether there are tile registers that multiply bfloat16, and this process may use them.
    """

    cpu: str
    features: str
    vector_bytes: int
    panel_vectors: int
    tile_rows: int
    amx: bool

    @property
    def name(self) -> str:
        """All that a kernel depends on, for the key under which it is kept."""
        return f"{platform.system()} {platform.machine()} {self.cpu} {self.features} llvmlite {llvmlite.__version__}"

    def target_machine(self) -> binding.TargetMachine:
        """LLVM's description of this processor."""
        target = binding.Target.from_default_triple()
        return target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
        )


@cache
def host() -> Machine:
    """This machine."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        shape = (64, 4, 6)  # of 32 registers: 24 sums, 4 weights, one number spread
    elif features.get("avx2"):
        shape = (32, 2, 6)  # of 16 registers: 12 sums
    else:
        shape = (16, 4, 6)  # 32 registers of NEON; of SSE some spill
    wanted = os.environ.get("TREADLE_AMX") != "0"
    amx = wanted and shape[0] == 64 and features.get("amx-bf16", False) and _may_use_amx()
    return Machine(binding.get_host_cpu_name(), features.flatten(), *shape, amx)


def _may_use_amx() -> bool:
    """Ask Linux for the tile registers, which a process has to do once: their state makes its threads larger."""
    if platform.system() != "Linux":
        return False
    arch_prctl, ask_for_component, tile_data = 158, 0x1023, 18
    return bool(ctypes.CDLL(None).syscall(arch_prctl, ask_for_component, tile_data) == 0)
