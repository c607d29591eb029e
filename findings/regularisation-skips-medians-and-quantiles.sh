#!/usr/bin/env bash
# For absolute errors and quantiles a leaf's value is taken anew after the tree has grown, as the median or quantile of
# its rows' residuals. What limits leaf values is not applied to the new ones, without a word: LightGBM 4.7.0 ignores
# lambda_l2 and max_delta_step there (objectives l1, quantile, mape), scikit-learn 1.9.1 l2_regularization, CatBoost
# 1.2.10 l2_leaf_reg and XGBoost 3.2.0 reg_lambda (3.4.1 applies it): with a penalty of a million, which leaves a
# squared-error model all but constant, predictions still vary by a third to all of what they did. A search over these
# parameters for a quantile searches a flat direction.
# What to do: limit such models by leaves, rows a leaf, trees and learning rate; try an extreme value of an option
# first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  catboost==1.2.10 lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import catboost, lightgbm, numpy as np, sklearn, xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(1)
rows = rng.normal(size=(1000, 3))
target = rows[:, 0] + np.sin(3 * rows[:, 1]) + rng.normal(size=1000)
names = {
    "LightGBM": {"squared": "regression", "median": "l1", "quantile": "quantile"},
    "scikit-learn": {"squared": "squared_error", "median": "absolute_error", "quantile": "quantile"},
    "CatBoost": {"squared": "RMSE", "median": "MAE", "quantile": "Quantile:alpha=0.8"},
    "XGBoost": {"squared": "reg:squarederror", "median": "reg:absoluteerror", "quantile": "reg:quantileerror"},
}

def build(library, loss, penalty):
    """An untrained model of ten trees for the loss, with the library's own penalty on leaf values."""
    name, part = names[library][loss], 0.8 if loss == "quantile" else None
    if library == "LightGBM":
        return lightgbm.LGBMRegressor(objective=name, alpha=0.8, reg_lambda=penalty, n_estimators=10, verbose=-1,
                                      n_jobs=1)
    if library == "scikit-learn":
        return HistGradientBoostingRegressor(loss=name, quantile=part, l2_regularization=penalty, max_iter=10)
    if library == "CatBoost":
        return catboost.CatBoostRegressor(loss_function=name, l2_leaf_reg=penalty, iterations=10, learning_rate=0.3,
                                          verbose=0, thread_count=1, allow_writing_files=False)
    return xgboost.XGBRegressor(objective=name, quantile_alpha=part, reg_lambda=penalty, n_estimators=10, n_jobs=1)

print(f"LightGBM {lightgbm.__version__}, scikit-learn {sklearn.__version__}, CatBoost {catboost.__version__},",
      f"XGBoost {xgboost.__version__}: how far predictions range, with a penalty of 1 and of a million")
shares = {}
for library in names:
    for loss in ("squared", "median", "quantile"):
        light, heavy = (np.ptp(build(library, loss, size).fit(rows, target).predict(rows)) for size in (1, 1e6))
        shares[library, loss] = heavy / light
        print(f"  {library}, {loss}: {light:.3f} and {heavy:.3f}")
settings = {"max_delta_step": 0.01, "n_estimators": 10, "verbose": -1, "n_jobs": 1}
held, free = (np.ptp(lightgbm.LGBMRegressor(objective=name, **settings).fit(rows, target).predict(rows))
              for name in ("regression", "quantile"))
print(f"  LightGBM, max_delta_step 0.01: squared error {held:.3f}, quantile {free:.3f}")
kept = [share for (_, loss), share in shares.items() if loss == "squared"]
ignored = [share for (_, loss), share in shares.items() if loss != "squared"]
sys.exit(not (max(kept) < 0.01 and min(ignored) > 0.3 and held < 0.1 and free > 0.5))
PYTHON
