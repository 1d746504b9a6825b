"""What a server has done, as Prometheus reads it."""

import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper edges of the times that are counted."""
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper edges of the sizes of batches that are counted."""

Labels = tuple[tuple[str, str], ...]


class Histogram:
    """How often numbers fell below each of some edges.

    Args:
        edges: Rising.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = edges
        self.counts = [0] * len(edges)
        self.count, self.sum = 0, 0.0

    def add(self, number: float) -> None:
        """Count a number."""
        self.count += 1
        self.sum += number
        for place, edge in enumerate(self.edges):
            if number <= edge:
                self.counts[place] += 1

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        """In Prometheus's text form."""
        for edge, count in zip(self.edges, self.counts, strict=True):
            yield f"{name}_bucket{_braces((*labels, ('le', f'{edge:g}')))} {count}"
        yield f"{name}_bucket{_braces((*labels, ('le', '+Inf')))} {self.count}"
        yield f"{name}_sum{_braces(labels)} {self.sum:.6f}"
        yield f"{name}_count{_braces(labels)} {self.count}"


class Metrics:
    r"""Counters of one server. All are touched from its event loop alone.

    Example:
        >>> metrics = Metrics()
        >>> metrics.batch("mood", 3, 0.004)
        >>> [line for line in metrics.text().split("\n") if line.startswith("treadle_rows_total")]
        ['treadle_rows_total{model="mood"} 3']
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._seconds: dict[Labels, Histogram] = {}
        self._rows: dict[Labels, Histogram] = {}
        self._model_seconds: dict[Labels, Histogram] = {}
        self._gauges: list[tuple[str, Labels, Callable[[], float]]] = []

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._counts["treadle_requests_total"][(("path", path), ("status", str(status)))] += 1
        self._seconds.setdefault((("path", path),), Histogram(SECONDS)).add(seconds)

    def batch(self, model: str, rows: int, seconds: float) -> None:
        """A model has answered rows."""
        labels: Labels = (("model", model),)
        self._counts["treadle_rows_total"][labels] += rows
        self._rows.setdefault(labels, Histogram(ROWS)).add(rows)
        self._model_seconds.setdefault(labels, Histogram(SECONDS)).add(seconds)

    def add(self, name: str, model: str, count: int) -> None:
        """Steps or tokens of a model."""
        self._counts[name][(("model", model),)] += count

    def gauge(self, name: str, model: str, value: Callable[[], float]) -> None:
        """A number that is asked for whenever it is read."""
        self._gauges.append((name, (("model", model),), value))

    def text(self) -> str:
        """All of it."""
        lines: list[str] = []
        for name, counts in sorted(self._counts.items()):
            lines.append(f"# TYPE {name} counter")
            lines += [f"{name}{_braces(labels)} {count:g}" for labels, count in sorted(counts.items())]
        histograms = {
            "treadle_request_seconds": self._seconds,
            "treadle_batch_rows": self._rows,
            "treadle_batch_seconds": self._model_seconds,
        }
        for name, several in histograms.items():
            lines.append(f"# TYPE {name} histogram")
            for labels, histogram in sorted(several.items()):
                lines += histogram.lines(name, labels)
        told: set[str] = set()
        for name, labels, value in self._gauges:
            if name not in told:
                lines.append(f"# TYPE {name} gauge")
                told.add(name)
            lines.append(f"{name}{_braces(labels)} {value():g}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        lines += ["# TYPE treadle_memory_peak_bytes gauge", f"treadle_memory_peak_bytes {peak}"]
        return "\n".join([*lines, ""])


def _braces(labels: Labels) -> str:
    shown = [f'{name}="{_escaped(value)}"' for name, value in labels]
    return f"{{{','.join(shown)}}}" if shown else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
