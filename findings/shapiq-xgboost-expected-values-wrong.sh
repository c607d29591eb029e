#!/usr/bin/env bash
# shapiq 1.8.0 explains XGBoost's trees itself; its baseline and parts should add up to the margin. For count:poisson,
# reg:gamma and reg:tweedie they do not: the base score is added as it is saved and not as its logarithm. And a tree
# that gamma or min_child_weight has cut down to a single leaf, which usual late trees are, counts 1/learning_rate
# times, because the leaf is read from where XGBoost keeps it before shrinking. Parts are right in both cases, so that
# plots look fine; the baseline, and any answer put together from it, is wrong. Without a word, with XGBoost 3.4.1.
# What to do: compare baseline plus parts with predict(output_margin=True).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# XGBoost 3.4 needs Python 3.12.
for python in python3 python3.14 python3.13 python3.12 ~/.pyenv/versions/3.1[2-9]*/bin/python3; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then break; fi
done
"$python" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python shapiq==1.8.0 scikit-learn==1.9.1 pandas==3.1.1 numpy==2.5.5
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.4.1
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, shapiq, xgboost

rng = np.random.default_rng(1)
rows = rng.normal(size=(1000, 3)).astype(np.float32)
amount = 3 + rows[:, 0] + rows[:, 1] * rows[:, 2]
settings = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1, "learning_rate": 0.3}
cases = {
    "squared error": (xgboost.XGBRegressor(**settings), amount),
    "poisson": (xgboost.XGBRegressor(objective="count:poisson", **settings), np.exp(amount / 2)),
    "gamma=300": (xgboost.XGBRegressor(gamma=300, base_score=0, **settings), amount),
}
off, parts_off = {}, {}
for name, (model, target) in cases.items():
    model.fit(rows, target)
    values = shapiq.TreeExplainer(model, max_order=1, index="SV").explain(rows[0])
    parts = np.array([values[(column,)] for column in range(3)])
    native = model.get_booster().predict(xgboost.DMatrix(rows[:1]), pred_contribs=True)[0]
    margin = model.predict(rows[:1], output_margin=True)[0]
    single = int((model.get_booster().trees_to_dataframe().groupby("Tree").size() == 1).sum())
    off[name], parts_off[name] = values.baseline_value + parts.sum() - margin, np.abs(parts - native[:3]).max()
    print(f"shapiq {shapiq.__version__}, XGBoost {xgboost.__version__}, {name} ({single} of 8 trees a single leaf):",
          f"baseline {values.baseline_value:.3f} (XGBoost {native[3]:.3f}), parts {parts.round(3)},",
          f"sum {values.baseline_value + parts.sum():.3f}, margin {margin:.3f}")
sys.exit(not (abs(off["squared error"]) < 1e-4 and abs(off["poisson"]) > 1 and abs(off["gamma=300"]) > 1
              and max(parts_off.values()) < 1e-4))
PYTHON
