"""Helpers: the few functions that the statements of a model call; only those that are called are written."""

from collections.abc import Iterable

_MULTIPLY = """\
/* out += W a, with W stored an input a row; four rows at a time, so that out is read a quarter as often. */
static void multiply(float *restrict out, const {kind} *restrict weight, const float *a, int inputs, int outputs)
{{
    int k = 0;
    for (; k + 4 <= inputs; k += 4) {{
        const {kind} *w0 = weight, *w1 = w0 + outputs, *w2 = w1 + outputs, *w3 = w2 + outputs;
        const float a0 = a[k], a1 = a[k + 1], a2 = a[k + 2], a3 = a[k + 3];
        for (int i = 0; i < outputs; ++i) {{
            out[i] += {w}w0[i] * a0 + {w}w1[i] * a1 + {w}w2[i] * a2 + {w}w3[i] * a3;
        }}
        weight += 4 * outputs;
    }}
    for (; k < inputs; ++k) {{
        const float ak = a[k];
        for (int i = 0; i < outputs; ++i) {{
            out[i] += {w}weight[i] * ak;
        }}
        weight += outputs;
    }}
}}"""

_FUNCTIONS = {
    "scale": """\
/* Sums over whole numbers to what they stand for: out = s out + b. */
static void scale(float *out, const float *scales, const float *bias, int size)
{
    for (int i = 0; i < size; ++i) {
        out[i] = scales[i] * out[i] + (bias ? bias[i] : 0.0f);
    }
}""",
    "sigmoid": """\
static float sigmoid(float a)
{
    return 1.0f / (1.0f + expf(-a));
}""",
    "relu": """\
static float relu(float a)
{
    return a < 0.0f ? 0.0f : a;
}""",
    "sign": """\
static float sign(float a)
{
    return a > 0.0f ? 1.0f : (a < 0.0f ? -1.0f : a);
}""",
    "minimum": """\
static float minimum(float a, float b)
{
    return a < b || a != a ? a : b;
}""",
    "maximum": """\
static float maximum(float a, float b)
{
    return a > b || a != a ? a : b;
}""",
    "softplus": """\
static float softplus(float a)
{
    return (a > 0.0f ? a : 0.0f) + log1pf(expf(-fabsf(a)));
}""",
    "normalise": """\
/* Layer normalisation: a = g (a - mean) / sqrt(variance + e) + b. */
static void normalise(float *a, const float *gain, const float *bias, int size, float least)
{
    float mean = 0.0f, variance = 0.0f;
    for (int i = 0; i < size; ++i) {
        mean += a[i] / (float)size;
    }
    for (int i = 0; i < size; ++i) {
        variance += (a[i] - mean) * (a[i] - mean) / (float)size;
    }
    for (int i = 0; i < size; ++i) {
        a[i] = gain[i] * (a[i] - mean) / sqrtf(variance + least) + bias[i];
    }
}""",
    "softmax": """\
/* Numbers to probabilities: p_i = exp(a_i) / sum_k exp(a_k). */
static void softmax(float *a, int size)
{
    float largest = a[0], sum = 0.0f;
    for (int i = 1; i < size; ++i) {
        largest = a[i] > largest ? a[i] : largest;
    }
    for (int i = 0; i < size; ++i) {
        a[i] = expf(a[i] - largest);
        sum += a[i];
    }
    for (int i = 0; i < size; ++i) {
        a[i] /= sum;
    }
}""",
}


def helpers(names: Iterable[str], *, int8: bool) -> list[str]:
    """The functions of these names, in a fixed order.

    Args:
        names: Of `helpers` and "multiply".
        int8: Whether matrices are in 8 bits.
    """
    wanted = set(names)
    kind, cast = ("int8_t", "(float)") if int8 else ("float", "")
    known = {"multiply": _MULTIPLY.format(kind=kind, w=cast), **_FUNCTIONS}
    assert wanted <= set(known), wanted - set(known)
    return [line for name, text in known.items() if name in wanted for line in ("", *text.splitlines())]
