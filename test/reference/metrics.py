"""Expected values of test/stats/metrics.test.ts, from scikit-learn and scipy. Run: python metrics.py > metrics.json

Predictions are float32 values (what ONNX Runtime returns), measured as float64. Some are tied on purpose.
"""
import json
import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(20010101)


def binary(n, digits):
    labels = (rng.random(n) < 0.3).astype(float)
    p = np.clip(0.3 + 0.2 * (labels - 0.3) + rng.normal(0, 0.15, n), 0.01, 0.99)
    p = np.round(p, digits).astype(np.float32).astype(np.float64)
    decided = (p >= 0.5).astype(float)
    quantiles = np.percentile(p, np.linspace(0, 1, 11) * 100)
    share, mean = calibration_curve(labels, p, n_bins=10, strategy="quantile")
    counts = np.bincount(np.searchsorted(quantiles[1:-1], p), minlength=10)
    counts = counts[counts > 0]
    return {
        "predictions": p.tolist(),
        "labels": labels.tolist(),
        "expected": {
            "auc": m.roc_auc_score(labels, p),
            "logLoss": m.log_loss(labels, p),
            "brier": m.brier_score_loss(labels, p),
            "calibrationError": float(np.sum(counts / n * np.abs(share - mean))),
            "accuracy": m.accuracy_score(labels, decided),
            "precision": m.precision_score(labels, decided, zero_division=0),
            "recall": m.recall_score(labels, decided, zero_division=0),
            "f1": m.f1_score(labels, decided, zero_division=0),
        },
    }


def regression(n):
    labels = rng.normal(10, 4, n)
    p = (labels + rng.normal(0.3, 2, n)).astype(np.float32).astype(np.float64)
    return {
        "predictions": p.tolist(),
        "labels": labels.tolist(),
        "expected": {
            "rmse": float(np.sqrt(m.mean_squared_error(labels, p))),
            "mae": m.mean_absolute_error(labels, p),
            "r2": m.r2_score(labels, p),
        },
    }


print(json.dumps({
    "madeWith": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "binary": [binary(500, 6), binary(300, 2), binary(40, 1)],
    "regression": [regression(200)],
}))
