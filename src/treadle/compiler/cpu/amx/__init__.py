r"""Matrix products on the tile registers of a processor with AMX, in float32 all the same.

The tiles multiply bfloat16, of 8 bits, and add in float32. A float32 of 24 bits is the sum of three of them, each the
rounded remainder of the one before, and of the nine products of two such sums the six largest are taken:

$$a = a_1 + a_2 + a_3, \qquad
a b \approx a_3 b_1 + a_2 b_2 + a_1 b_3 + a_2 b_1 + a_1 b_2 + a_1 b_1$$

What is left out is below \(2^{-23}\,|a b|\), a rounding of float32. Six products in tiles take less than half the time
of one in vectors. An infinite number has no such sum: where it enters, the result is no number.

Weights are packed by column vectors (16 columns, the width of a tile): for every 32 inputs three tiles, one for each
part. Within 32 inputs, input `i` and input `i + 16` stand side by side, so that a vector of either makes half of each
pair; the operand is brought into the same order when it is met.

Source: G. Henry, P. Tang & A. Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
computations", ARITH 2019.
"""
