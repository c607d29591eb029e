"""Expected values of test/learners/linear-classes.test.ts, from scikit-learn. Run: python linear-classes.py > linear-classes.json

As linear.py: numbers are standardised by the weights of the rows, missing ones count as the mean beside a column that
says they are missing, texts are a column a value. The solver goes on until nothing moves.
"""
import json
import warnings
import numpy as np
import sklearn
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore", category=sklearn.exceptions.ConvergenceWarning)
rng = np.random.default_rng(20261130)
towns = ["Bonn", "Kiel", "Ulm"]
classes = ["low", "middle", "high", "none"]


def rows(n, unseen):
    x = np.round(rng.normal(40, 12, n), 3).astype(np.float32).astype(float)
    y = np.round(rng.exponential(2e-3, n), 7).astype(np.float32).astype(float)
    y[rng.random(n) < 0.15] = np.nan
    town = rng.choice(towns + (["Paris", ""] if unseen else [""]), n)
    return x, y, town


def designer(x, y, weights):
    """Of training rows: standardises by their weights."""
    def moments(values):
        there = ~np.isnan(values) & (weights > 0)
        mean = np.average(values[there], weights=weights[there])
        return mean, np.sqrt(np.average((values[there] - mean) ** 2, weights=weights[there]))

    known = [moments(x), moments(y)]

    def design(x, y, town):
        numbers = [np.nan_to_num((v - m) / s) for v, (m, s) in zip((x, y), known)]
        return np.column_stack(numbers + [np.isnan(y)] + [town == name for name in towns]).astype(float)

    return design


def case(l2, weighted):
    n = 400
    x, y, town = rows(n, False)
    new = rows(60, True)
    a = (x - 40) / 10
    b = 300 * np.nan_to_num(y, nan=4e-3)
    sums = np.column_stack([-a, 0.4 * (town == "Kiel"), a - b, -1 + 0.5 * b - (town == "Ulm")])
    labels = (softmax(sums, axis=1).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    weights = np.round(rng.uniform(0.5, 3, n), 2).astype(np.float32).astype(float) if weighted else np.ones(n)
    if weighted:
        weights[:5] = 0
    counting = weights / weights.sum() * (weights > 0).sum()
    design = designer(x, y, weights)
    model = LogisticRegression(C=1 / l2, solver="newton-cg", tol=1e-14, max_iter=10_000)
    model.fit(design(x, y, town), labels, sample_weight=counting)
    return {
        "l2": l2,
        "train": dump(x, y, town) | {"labels": labels.tolist(), "weights": weights.tolist() if weighted else None},
        "new": dump(*new),
        "probabilities": model.predict_proba(design(*new)).tolist(),
    }


def dump(x, y, town):
    return {
        "x": x.tolist(),
        "y": [None if np.isnan(v) else v for v in y.tolist()],
        "town": [None if t == "" else str(t) for t in town],
    }


cases = [case(l2, weighted) for l2, weighted in [(1.0, False), (0.01, True), (50.0, False)]]
print(json.dumps({"towns": towns, "classes": classes, "sklearn": sklearn.__version__, "cases": cases}))
