"""What does not fit: anomalies of a stream."""

from treadle.tasks.detect.detector import AnomalyDetector
from treadle.tasks.detect.tail import RunningTail

__all__ = ["AnomalyDetector", "RunningTail"]
