"""What a recurrent net has to beat: simple models that train in seconds on the same rows.

`baseline(task)` is the strong one (TF-IDF or summary features under a linear model), `floor(task)` the
weakest one that makes sense (the most frequent class, the mean). Both take columns by name, each with its
kind and its values.
"""

from treadle.evaluation.baselines.models import Baseline, Columns, baseline, floor

__all__ = ["Baseline", "Columns", "baseline", "floor"]
