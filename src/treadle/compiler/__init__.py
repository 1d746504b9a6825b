"""The compiler: from a cell's step to fused kernels for whole sequences, gradient included.

In the order of its work: `trace` records a step; `lower` makes a program of it (`program`, by the rules of
`operators`); `gradient` differentiates that; `partition` takes both apart into what runs once, in the loop and after it
(`saving` chooses what is kept between); `schedule` orders the loop's step; `cpu` writes, compiles and runs it (`c99`
writes it for other machines); and `recurrence` makes one differentiable function of all, and `custom` operators of
torch's for its graphs.
"""

from treadle.compiler.recurrence import Recurrence

__all__ = ["Recurrence"]
