#!/usr/bin/env bash
# partial_dependence and PartialDependenceDisplay choose the fast method "recursion" for HistGradientBoosting by
# default. With categories (categorical_features, or a DataFrame with a category column) the trees of scikit-learn
# 1.9.1 number the columns with the categories first, and the recursion looks the asked column up by its place in the
# table, without a word: the curve drawn for the first column is another column's effect, and a column that does
# nothing gets a strong one. method="brute" is right, and without categories both agree.
# What to do: ask for method="brute" where a model has categories, or put category columns first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python scikit-learn==1.9.1 pandas==3.1.1 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, pandas as pd, sklearn
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import partial_dependence

rng = np.random.default_rng(1)
frame = pd.DataFrame({"strong": rng.normal(size=1500), "weak": rng.normal(size=1500), "idle": rng.normal(size=1500)})
frame["kind"] = rng.integers(0, 5, 1500)
target = 3 * frame["strong"] + np.sin(3 * frame["weak"]) / 2 + 4 * frame["kind"].isin([1, 3])

heights = {}
for name, table in (("kind a number", frame), ("kind a category", frame.astype({"kind": "category"}))):
    model = HistGradientBoostingRegressor(max_iter=60, random_state=1).fit(table, target)
    for column in ("strong", "weak", "idle"):
        curves = [partial_dependence(model, table, [column], grid_resolution=20, method=method)["average"][0]
                  for method in ("auto", "brute")]
        heights[name, column] = [np.ptp(curve) for curve in curves]
        print(f"scikit-learn {sklearn.__version__}, {name}: the curve of '{column}' rises by",
              "{:.2f} by default, by {:.2f} with brute".format(*heights[name, column]))
plain = [abs(default - brute) for (name, _), (default, brute) in heights.items() if name == "kind a number"]
strong, weak, idle = (heights["kind a category", column] for column in ("strong", "weak", "idle"))
sys.exit(not (max(plain) < 0.7 and strong[1] > 8 and strong[0] < 6 and weak[0] > 8 and weak[1] < 2
              and idle[0] > 0.5 and idle[1] < 0.2))
PYTHON
