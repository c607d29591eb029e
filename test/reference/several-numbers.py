"""
What scikit-learn says of predictions of several targets, for test/stats/several-numbers.test.ts: the mean over targets
(multioutput='uniform_average') and each target's own value. Rows are made by a formula, so that both sides have the
same. Run with scikit-learn 1.9.1; writes several-numbers.json.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

random = np.random.default_rng(5)
targets = ["price", "rent", "moment"]
scales, centres = np.array([30_000.0, 5.0, 20.0]), np.array([250_000.0, 12.0, 1_700_000_000.0])
labels = centres + scales * random.normal(size=(60, 3))
predictions = labels + scales * np.array([0.3, 2.0, 0.1]) * random.normal(size=(60, 3))
# How often each row counts in a draw.
counts = np.bincount(random.integers(0, 60, size=60), minlength=60)


def measured(truth, told):
    metrics = {"rmse": root_mean_squared_error, "mae": mean_absolute_error, "r2": r2_score}
    values = {name: metric(truth, told) for name, metric in metrics.items()}
    for name, metric in metrics.items():
        for target, value in zip(targets, metric(truth, told, multioutput="raw_values")):
            values[f"{name}.{target}"] = value
    return values


drawn = np.repeat(np.arange(60), counts)
result = {
    "targets": targets,
    "labels": labels.ravel().tolist(),
    "predictions": predictions.ravel().tolist(),
    "counts": counts.tolist(),
    "expected": measured(labels, predictions),
    "drawn": measured(labels[drawn], predictions[drawn]),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
