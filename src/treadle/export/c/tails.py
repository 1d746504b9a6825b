"""Scores in C: how unusual an error is among those of late, as `treadle.tasks.detect` has it."""

from typing import Any

import numpy as np

from treadle.export.c.program import Program
from treadle.tasks.detect.detector import CAP, COMMON, LARGEST_ERROR
from treadle.tasks.detect.tail import EVERY, FEWEST, HEAVIEST, LEAST, RAREST, STRAIGHT, UPPER
from treadle.tasks.online.scale import CLIP, EPSILON, KNOWN

TAIL = f"""\
/* Tail probabilities among the last numbers: ranks, and beyond a high quantile a generalised Pareto distribution. */
enum {{ QUANTILE, SHAPE, SIZE, SHARE, MOST }};

static double tail_probability(const double *sorted, int32_t known, const double *fit, double number)
{{
    if (known < {FEWEST}) {{
        return 1.0;
    }}
    if (number <= fit[QUANTILE]) {{
        int32_t below = 0;
        while (below < known && sorted[below] < number) {{
            ++below;
        }}
        return (1.0 + known - below) / (known + 1.0);
    }}
    const double excess = (number - fit[QUANTILE]) / fit[SIZE];
    const double tail = fit[SHAPE] < {STRAIGHT} ? exp(-excess) : pow(1.0 + fit[SHAPE] * excess, -1.0 / fit[SHAPE]);
    const double found = fit[SHARE] * tail;
    return found > {LEAST} ? found : {LEAST};
}}

static void tail_update(double *ring, double *sorted, int32_t *count, double *fit, int32_t window, double number)
{{
    ring[count[0] % window] = number < fit[MOST] ? number : fit[MOST];
    count[0] = count[0] < 2 * window ? count[0] + 1 : count[0] + 1 - window;
    count[2] = (count[2] + 1) % {EVERY};
    if (count[0] < {FEWEST} || count[2] != 0) {{
        return;
    }}
    const int32_t n = count[0] < window ? count[0] : window;
    const int32_t k = n / 10 > 8 ? (int32_t)({UPPER} * n) : 8;
    for (int32_t i = 0; i < n; ++i) {{ /* sorted by insertion */
        int32_t at = i;
        for (; at > 0 && sorted[at - 1] > ring[i]; --at) {{
            sorted[at] = sorted[at - 1];
        }}
        sorted[at] = ring[i];
    }}
    count[1] = n;
    fit[QUANTILE] = sorted[n - k - 1];
    fit[SHARE] = (k + 1.0) / (n + 1.0);
    double mean = 0.0, weighted = 0.0;
    for (int32_t i = 0; i < k; ++i) {{
        const double excess = sorted[n - k + i] - fit[QUANTILE];
        mean += excess / k;
        weighted += (k - (i + 1) + 0.35) / k * excess / k;
    }}
    if (mean <= 0.0) {{ /* whatever exceeds the upper part has never been seen */
        fit[SHAPE] = 0.0;
        fit[SIZE] = (fabs(fit[QUANTILE]) > 1.0 ? fabs(fit[QUANTILE]) : 1.0) * 1e-3;
        fit[MOST] = INFINITY;
        return;
    }}
    const double least = 1e-9 * mean, apart = mean - 2.0 * weighted;
    const double shape = 2.0 - mean / (apart > least ? apart : least);
    fit[SHAPE] = shape < 0.0 ? 0.0 : (shape > {HEAVIEST} ? {HEAVIEST} : shape);
    fit[SIZE] = mean * (1.0 - fit[SHAPE]);
    const double rarer = fit[SHARE] / {RAREST};
    const double far = fit[SHAPE] < {STRAIGHT} ? log(rarer) : (pow(rarer, fit[SHAPE]) - 1.0) / fit[SHAPE];
    fit[MOST] = fit[QUANTILE] + fit[SIZE] * far;
}}""".splitlines()
"""The functions of a running tail; its counts are: numbers so far, those that are sorted, those since the last fit."""


def add_score(made: Program, estimator: Any, width: int) -> None:
    """Judge the values of a step by what was expected, and remember how unusual they were."""
    parts, advance = estimator._parts, made.advance
    errors, short, rest = parts["errors"], estimator.short, estimator.rest
    made.remember("met", np.full(width, np.nan), "what was expected of the last step", kind="double")
    made.remember("score", [0.0], "of the last step", kind="double")
    for name, values in (("count", errors.count), ("mean", errors.mean), ("variance", errors.variance)):
        made.remember(f"error_{name}", values, f"{name} of the errors of a channel", kind="double")
    for name in ("tail", *(["short_tail"] if short else [])):
        _remember_tail(made, name, parts[name.replace("_", " ")])
    for name, length in (("recent", short), ("episode", rest)):
        if length:
            made.remember(
                name,
                parts[name].ring,
                "the last errors" if name == "recent" else "the last probabilities",
                kind="double",
            )
            made.remember(f"{name}_place", [parts[name].count % length], "where the next one goes", kind="int32_t")
    advance += [
        "double squares = 0.0;",
        "int32_t judged = 0;",
        f"for (int i = 0; i < {width}; ++i) {{",
        "    state->met[i] = state->expected[i];",
        "    const double off = input[i] - state->met[i], error = off - state->error_mean[i];",
        "    const double deviation = sqrt(state->error_variance[i]);",
        f"    const double values = state->error_count[i] < {1 / errors.least!r} ? state->error_count[i] "
        f": {1 / errors.least!r};",
        f"    const double rounding = {EPSILON!r} * values * fabs(state->error_mean[i]);",
        "    const double usual = deviation > rounding ? 1.0 / deviation : 0.0;",
        f"    double far = deviation > 0.0 ? fabs(error) * usual : (error == 0.0 ? 0.0 : {LARGEST_ERROR});",
        "    if (error == error && state->error_count[i] > 1.0) {",
        f"        far = far < {LARGEST_ERROR} ? far : {LARGEST_ERROR};",
        "        squares += far * far;",
        "        ++judged;",
        "    }",
        "    if (off == off) {",
        "        state->error_count[i] += 1.0;",
        "        const double own = 1.0 / state->error_count[i];",
        f"        const double alpha = own > {errors.least!r} ? own : {errors.least!r};",
        f"        const double held = {CLIP} > 1.0 / sqrt(alpha) ? {CLIP} : 1.0 / sqrt(alpha);",
        "        double moved = off - state->error_mean[i];",
        f"        if (state->error_count[i] > {KNOWN} && usual > 0.0 && fabs(moved) > held * deviation) {{",
        "            moved = moved > 0.0 ? held * deviation : -held * deviation;",
        "        }",
        "        state->error_mean[i] += alpha * moved;",
        "        state->error_variance[i] = (state->error_variance[i] + alpha * moved * moved) * (1.0 - alpha);",
        "    }",
        "}",
        "",
        "double p = 1.0, told = 1.0;",
        "if (judged > 0) {",
        *(f"    {line}" for line in _judge(short, rest, estimator.window)),
        "}",
        *_remember_probability(rest),
        "state->score[0] = judged > 0 ? 1.0 - told : 0.0;",
    ]


def _judge(short: int, rest: int, window: int) -> list[str]:
    lines = [
        "const double size = sqrt(squares / judged);",
        "p = tail_probability(state->tail_sorted, state->tail_count[1], state->tail_fit, size);",
    ]
    update = "tail_update(state->{0}_ring, state->{0}_sorted, state->{0}_count, state->{0}_fit, {1}, {2});"
    if short:
        lines += [
            f"const double most = {CAP} * state->tail_fit[QUANTILE], capped = size < most ? size : most;",
            "double mean = capped - state->recent[state->recent_place[0]];",
            f"for (int i = 0; i < {short}; ++i) {{",
            "    mean += state->recent[i];",
            "}",
            f"mean /= {short}.0;",
            "const double other = tail_probability(state->short_tail_sorted, state->short_tail_count[1], "
            "state->short_tail_fit, mean);",
            "p = 2.0 * (p < other ? p : other);",
            "p = p < 1.0 ? p : 1.0;",
        ]
    lines.append("told = p;")
    if rest:
        lines += [
            "double rarest = state->episode[0];",
            f"for (int i = 1; i < {rest}; ++i) {{",
            "    rarest = state->episode[i] < rarest ? state->episode[i] : rarest;",
            "}",
            f"told = p >= rarest && p < {COMMON} ? {COMMON} : p;",
        ]
    lines.append(update.format("tail", window, "size"))
    if short:
        lines += [
            update.format("short_tail", window, "mean"),
            "state->recent[state->recent_place[0]] = capped;",
            f"state->recent_place[0] = (state->recent_place[0] + 1) % {short};",
        ]
    return lines


def _remember_probability(rest: int) -> list[str]:
    if not rest:
        return []
    return [
        "state->episode[state->episode_place[0]] = p;",
        f"state->episode_place[0] = (state->episode_place[0] + 1) % {rest};",
    ]


def _remember_tail(made: Program, name: str, tail: Any) -> None:
    """A tail as it is: its numbers, those that it was fitted to, counts, and the fit."""
    window, known = len(tail.ring), len(tail.sorted)
    made.remember(f"{name}_ring", tail.ring, "the last errors", kind="double")
    made.remember(f"{name}_sorted", np.append(tail.sorted, np.zeros(window - known)), "the same, sorted", kind="double")
    made.remember(
        f"{name}_fit",
        [tail.quantile, tail.shape, tail.size, tail.share, tail.most],
        "quantile, shape, size, share, what a number counts at most",
        kind="double",
    )
    count = tail.count if tail.count < window else window + tail.count % window
    made.remember(f"{name}_count", [count, known, tail.count % EVERY], "so far, sorted, since the fit", kind="int32_t")
