#!/usr/bin/env bash
# HistGradientBoostingRegressor(monotonic_cst=[1, ...]) keeps its word for squared error, gamma and Poisson. For
# loss="absolute_error" and "quantile" scikit-learn 1.9.1 does not, without a word: after a tree has grown inside the
# bounds, each leaf's value is replaced by a median or quantile of its rows, and the bounds are not applied again. A
# price falls where it was promised to rise, by up to half of the target's standard deviation a step. LightGBM refuses
# these objectives by name; XGBoost 3.4.1 (3.2.0 does not) and CatBoost 1.2.10 kept the constraint when tried.
# What to do: test monotonicity on the trained model, a feature swept over its range on many rows, never on the
# option.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python scikit-learn==1.9.1 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, sklearn
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(1)
rows = rng.normal(size=(1000, 3))
target = rows[:, 0] / 2 + np.sin(3 * rows[:, 0]) + rows[:, 1] * rows[:, 0] + 0.3 * rng.normal(size=1000)
sweep = np.linspace(-3, 3, 61)

def deepest_fall(model):
    """The largest fall of the prediction from one value of the first feature to the next, over 200 rows."""
    answers = [model.predict(np.column_stack([np.full(200, value), rows[:200, 1:]])) for value in sweep]
    return max(0, -np.diff(answers, axis=0).min())

fall = {}
for options in ({"loss": "squared_error"}, {"loss": "absolute_error"}, {"loss": "quantile", "quantile": 0.8}):
    model = HistGradientBoostingRegressor(max_iter=30, monotonic_cst=[1, 0, 0], random_state=1, **options)
    fall[options["loss"]] = deepest_fall(model.fit(rows, target))
    print(f"scikit-learn {sklearn.__version__}, {options}: told to rise with the first feature, falls by up to",
          f"{fall[options['loss']]:.3f} a step (standard deviation of the target {target.std():.2f})")
sys.exit(not (fall["squared_error"] < 1e-9 and fall["absolute_error"] > 0.1 and fall["quantile"] > 0.1))
PYTHON
