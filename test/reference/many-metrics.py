"""Expected values of test/stats/many-metrics.test.ts, from scikit-learn. Run: python many-metrics.py > many-metrics.json

Predictions are float32 values (what ONNX Runtime returns), measured as float64. Some are tied on purpose, some classes
have no rows or are never the likeliest, and one case has rows of one class only.
"""
import json
import warnings
import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(20010101)


def measures(labels, p):
    """Of classes 0 to p.shape[1] - 1. A class without rows has no area under its curve, and counts in no mean of them."""
    classes = range(p.shape[1])
    said = p.argmax(axis=1)
    areas = [m.roc_auc_score(labels == c, p[:, c]) for c in classes if 0 < (labels == c).sum() < len(labels)]
    expected = {
        "accuracy": m.accuracy_score(labels, said),
        "balancedAccuracy": m.balanced_accuracy_score(labels, said),
        "f1Macro": m.f1_score(labels, said, average="macro", zero_division=0),
        "f1Weighted": m.f1_score(labels, said, average="weighted", zero_division=0),
        "precisionMacro": m.precision_score(labels, said, average="macro", zero_division=0),
        "recallMacro": m.recall_score(labels, said, average="macro", zero_division=0),
        "logLoss": m.log_loss(labels, y_proba=p, labels=classes),
        "aucMacro": float(np.mean(areas)) if areas else None,
        "top3Accuracy": m.top_k_accuracy_score(labels, p, k=3, labels=classes) if p.shape[1] > 3 else None,
    }
    if len(areas) == p.shape[1] > 2:  # scikit-learn's own mean, where it has one
        assert np.isclose(expected["aucMacro"], m.roc_auc_score(labels, p, multi_class="ovr", labels=classes))
    return expected


def multiclass(labels, classes, digits):
    scores = rng.normal(0, 1, (len(labels), classes))
    scores[np.arange(len(labels)), labels] += 1.2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    if digits is not None:  # ties: shares of 1 that float32 holds
        p = np.maximum(np.floor(p * digits), 0)
        p[:, 0] += digits - p.sum(axis=1)
        p /= digits
    p = p.astype(np.float32).astype(np.float64)
    counts = np.bincount(rng.integers(0, len(labels), len(labels)), minlength=len(labels))  # a draw of a bootstrap
    precision, recall, f1, rows = m.precision_recall_fscore_support(
        labels, p.argmax(axis=1), labels=range(classes), zero_division=0)
    return {
        "classes": classes,
        "predictions": p.ravel().tolist(),
        "labels": labels.tolist(),
        "expected": measures(labels, p),
        "byClass": [dict(zip(["precision", "recall", "f1", "rows"], map(float, each)))
                    for each in zip(precision, recall, f1, rows)],
        "counts": counts.tolist(),
        "drawn": measures(np.repeat(labels, counts), np.repeat(p, counts, axis=0)),
    }


def quantiles(levels, n):
    """Predictions row by row; some labels lie on a prediction."""
    labels = np.round(rng.normal(10, 4, n), 1)
    p = np.round(10 + 4 * np.array([-1.2, 0.1, 1.2])[: len(levels)] + rng.normal(0, 0.5, (n, len(levels))), 1)
    losses = [m.mean_pinball_loss(labels, p[:, i], alpha=level) for i, level in enumerate(levels)]
    inside = ((labels >= p[:, 0]) & (labels <= p[:, -1])).mean()
    return {"levels": levels, "predictions": p.ravel().tolist(), "labels": labels.tolist(), "pinball": losses,
            "coverage": float(inside)}


print(json.dumps({
    "madeWith": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "multiclass": {
        "three classes": multiclass(rng.integers(0, 3, 200), 3, None),
        "two classes": multiclass(rng.integers(0, 2, 60), 2, None),
        "seven classes of unlike size, tied": multiclass(np.minimum(rng.geometric(0.5, 150) - 1, 6), 7, 16),
        "five classes, two without rows": multiclass(rng.choice([0, 2, 3], 80), 5, None),
        "four classes, ties everywhere": multiclass(rng.integers(0, 4, 60), 4, 2),
        "rows of one class only": multiclass(np.full(20, 2), 4, None),
    },
    "quantiles": [quantiles([0.1, 0.5, 0.9], 200), quantiles([0.25], 50)],
}))
