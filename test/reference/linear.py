"""Expected values of test/learners/linear.test.ts, from scikit-learn. Run: python linear.py > linear.json

Numbers are standardised (missing ones stay missing), then missing ones count as the mean, 0, beside a column that says
they are missing; texts become a column a value. Rows to predict have missing numbers, texts that are missing, and
texts that training has not seen.
"""
import json
import warnings
import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("error")
rng = np.random.default_rng(20261129)
towns = ["Bonn", "Kiel", "Ulm"]


def rows(n, unseen):
    x = np.round(rng.normal(40, 12, n), 3).astype(np.float32).astype(float)
    y = np.round(rng.exponential(2e-3, n), 7).astype(np.float32).astype(float)
    y[rng.random(n) < 0.15] = np.nan
    town = rng.choice(towns + (["Paris", ""] if unseen else [""]), n).astype(object)
    return x, y, town


def columns(x, y, town):
    return np.column_stack([x.astype(object), y.astype(object), town])


def preparation():
    numbers = make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=0.0))
    return ColumnTransformer([
        ("numbers", numbers, [0, 1]),
        ("missing", MissingIndicator(features="missing-only"), [1]),
        ("texts", OneHotEncoder(categories=[towns], handle_unknown="ignore", sparse_output=False), [2]),
    ])


def as_numbers(table):
    out = table.copy()
    out[:, :2] = table[:, :2].astype(float)
    return out


def case(task, l2, weighted):
    n = 300
    x, y, town = rows(n, False)
    new = rows(60, True)
    sums = (x - 40) / 10 - 300 * np.nan_to_num(y, nan=4e-3) + (town == "Kiel") - 0.5 * (town == "")
    if task == "binary":
        labels = (sums + rng.logistic(0, 1, n) > 0).astype(float)
    else:
        labels = np.round(1000 + 25 * (sums + rng.normal(0, 1, n)), 3)
    weights = np.round(rng.uniform(0.5, 3, n), 2).astype(np.float32).astype(float) if weighted else np.ones(n)
    weights[:5] = 0 if weighted else 1
    counting = weights / weights.sum() * (weights > 0).sum()
    design = preparation()
    z = fit_weighted(design, columns(x, y, town), weights)
    if task == "binary":
        model = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-13, max_iter=1000)
        model.fit(z, labels, sample_weight=counting)
        predict = lambda given: model.predict_proba(given)[:, 1]
    else:
        model = Ridge(alpha=l2, solver="cholesky").fit(z, labels, sample_weight=counting)
        predict = model.predict
    made = design.transform(as_numbers(columns(*new)))
    return {
        "task": task,
        "l2": l2,
        "train": dump(x, y, town) | {"labels": labels.tolist(), "weights": weights.tolist() if weighted else None},
        "new": dump(*new),
        "expected": {
            "coefficients": np.ravel(model.coef_).tolist(),
            "intercept": float(np.ravel(model.intercept_)[0]),
            "predictions": predict(made).tolist(),
        },
    }


def fit_weighted(design, table, weights):
    """ColumnTransformer passes no weights on: the scaler is fitted anew with them."""
    table = as_numbers(table)
    design.fit(table)
    scaler = design.named_transformers_["numbers"].named_steps["standardscaler"]
    scaler.fit(table[:, :2].astype(float), sample_weight=weights)
    return design.transform(table)


def dump(x, y, town):
    return {
        "x": x.tolist(),
        "y": [None if np.isnan(v) else v for v in y.tolist()],
        "town": [None if t == "" else t for t in town],
    }


settings = [(1.0, False), (0.01, True), (50.0, False)]
cases = [case(task, l2, weighted) for task in ("binary", "regression") for l2, weighted in settings]
print(json.dumps({"towns": towns, "sklearn": sklearn.__version__, "cases": cases}))
