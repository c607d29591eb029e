#!/usr/bin/env bash
# HistGradientBoostingRegressor and -Classifier take interaction_cst, sets of columns that may share a tree's path, by
# position. With categories (categorical_features, or a DataFrame with a category column, which is the default) scikit-
# learn 1.9.1 moves the categories to the front before it trains, and applies the positions to the moved columns,
# without a word. [{0, 1}, {2, 3}] with a category in column 3 then allows 3 with 0 and 1 with 2, which were forbidden,
# and forbids 0 with 1. Monotone constraints are moved along and right; without categories all is right.
# What to do: put category columns first; test the trained model: a forbidden pair's mixed difference is zero.
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

rng = np.random.default_rng(1)
numbers = rng.normal(size=(1500, 4))
numbers[:, 3] = rng.integers(0, 5, 1500)
a, b, c, d = numbers.T
target = a * b + a * c + b * c + a * d + c * d
frame = pd.DataFrame(numbers, columns=list("abcd")).astype({"d": "int"})

def mixed(model, table, first, second):
    """How much the effect of one column depends on another: the largest mixed difference over 100 rows."""
    def answers(x, y):
        asked = table.head(100).copy()
        asked.isetitem(first, np.full(100, x))
        values = pd.Series(np.full(100, y), index=asked.index).astype(table.dtypes.iloc[second])
        asked.isetitem(second, values)
        return model.predict(asked)
    return np.abs(answers(2, 3) - answers(0, 3) - answers(2, 1) + answers(0, 1)).max()

pairs = {"a with b": (0, 1), "c with d": (2, 3), "a with d": (0, 3), "b with c": (1, 2)}
seen = {}
for name, table in (("numbers alone", frame), ("d a category", frame.astype({"d": "category"}))):
    model = HistGradientBoostingRegressor(max_iter=40, interaction_cst=[{0, 1}, {2, 3}], random_state=1)
    model.fit(table, target)
    seen[name] = [mixed(model, table, *pair) for pair in pairs.values()]
    print(f"scikit-learn {sklearn.__version__}, {name}: allowed are a with b and c with d; measured",
          ", ".join(f"{pair} {size:.2f}" for pair, size in zip(pairs, seen[name])))
plain, moved = seen.values()
sys.exit(not (min(plain[:2]) > 0.5 and max(plain[2:]) < 1e-9 and max(moved[:2]) < 1e-9 and min(moved[2:]) > 0.5))
PYTHON
