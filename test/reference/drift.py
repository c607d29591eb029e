"""Reference values for the drift measures: writes drift.json beside this file.

Small cases come as value counts with what scipy and numpy say of the samples they stand for; the flights case compares the
second quarter of the flights file with the first, all rows. PSI has no scipy function: it is computed from its definition.

Set-up (Python 3.11): pip install numpy scipy pandas pyarrow; run from the repository's folder after `npm ci`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance
from scipy.stats.contingency import association

rng = np.random.default_rng(20261124)


def psi(a, b):
    k, n, m = len(a), sum(a), sum(b)
    p = (np.asarray(a) + 0.5) / (n + 0.5 * k)
    q = (np.asarray(b) + 0.5) / (m + 0.5 * k)
    return max(0.0, float(np.sum((q - p) * np.log(q / p))) - (k - 1) * (1 / n + 1 / m))


def bergsma(table):
    statistic = chi2_contingency(table, correction=False).statistic
    n = table.sum()
    r, k = table.shape
    phi = max(0.0, statistic / n - (k - 1) * (r - 1) / (n - 1))
    size = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi / size))


def pool(a, b):
    """Cells in which fewer than five rows are expected, together."""
    a, b = np.asarray(a), np.asarray(b)
    n, m = a.sum(), b.sum()
    small = (a + b) * min(n, m) / (n + m) < 5
    if not small.any():
        return np.array([a, b])
    return np.array([np.append(a[~small], a[small].sum()), np.append(b[~small], b[small].sum())])


def numeric(name, x, y):
    values = np.unique(np.concatenate([x, y]))
    a = [int((x == v).sum()) for v in values]
    b = [int((y == v).sum()) for v in values]
    return {
        "name": name,
        "values": [float(v) for v in values],
        "baseline": a,
        "now": b,
        "ks": float(ks_2samp(x, y, method="asymp").statistic),
        "wasserstein": float(wasserstein_distance(x, y)),
        "jensenShannon": float(jensenshannon(np.array(a) / len(x), np.array(b) / len(y), base=2)),
        "psi": psi(a, b),
    }


def categorical(name, a, b):
    table = pool(a, b)
    result = chi2_contingency(table, correction=False)
    return {
        "name": name,
        "baseline": [int(v) for v in a],
        "now": [int(v) for v in b],
        "jensenShannon": float(jensenshannon(np.array(a) / sum(a), np.array(b) / sum(b), base=2)),
        "chiSquare": float(result.statistic),
        "degrees": int(result.dof),
        "cramersV": bergsma(table),
        "plainCramersV": float(association(table, method="cramer")),
        "psi": psi(a, b),
    }


def flights():
    rows = pd.read_parquet("node_modules/vega-datasets/data/flights-3m.parquet")
    first = rows[rows.date < "2001-04-01"]
    second = rows[rows.date >= "2001-04-01"]
    columns = {}
    for name in ("delay", "distance"):
        x, y = first[name].to_numpy(float), second[name].to_numpy(float)
        columns[name] = {
            "ks": float(ks_2samp(x, y, method="asymp").statistic),
            "wasserstein": float(wasserstein_distance(x, y) / np.std(x)),
        }
    for name in ("origin", "destination"):
        counts = pd.concat([first[name].value_counts(), second[name].value_counts()], axis=1).fillna(0)
        a, b = counts.iloc[:, 0].to_numpy(int), counts.iloc[:, 1].to_numpy(int)
        columns[name] = {
            "jensenShannon": float(jensenshannon(a / a.sum(), b / b.sum(), base=2)),
            "cramersV": bergsma(pool(a, b)),
            "unseen": float(b[a == 0].sum() / b.sum()),
        }
    return {"rows": [len(first), len(second)], "columns": columns}


cases = {
    "numeric": [
        numeric("shifted integers", rng.poisson(7, 900), rng.poisson(8, 700)),
        numeric("the same law", rng.integers(0, 12, 1000), rng.integers(0, 12, 400)),
        numeric("wider", np.round(rng.normal(0, 1, 500), 1), np.round(rng.normal(0, 2, 800), 1)),
        numeric("apart", rng.integers(0, 5, 50), rng.integers(20, 25, 60)),
        numeric("one value each", np.array([3.0] * 10), np.array([4.0] * 7)),
    ],
    "categorical": [
        categorical("small change", [400, 300, 200, 100], [380, 310, 190, 120]),
        categorical("much change", [500, 300, 200, 40], [100, 300, 500, 60]),
        categorical("rare ones pooled", [500, 300, 3, 2, 1, 0], [480, 320, 1, 0, 4, 2]),
        categorical("an unseen one", [600, 400, 0], [500, 300, 250]),
    ],
    "flights": flights(),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
