#!/usr/bin/env bash
# With rate_drop XGBoost scales every tree it keeps (weight_drop in the saved model). shap's TreeExplainer (0.54.1)
# with a background of rows reads the trees and not their weights, without a word: the parts are several times too
# large, and its check that they add up passes, since it asks its own copy of the trees. Without a background shap asks
# XGBoost, which is right, so that a try on one way proves nothing about the other.
# What to do: compare the sum with predict(output_margin=True); use XGBoost's own pred_contribs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# shap 0.54, like XGBoost 3.4, needs Python 3.12.
for python in python3 python3.14 python3.13 python3.12 ~/.pyenv/versions/3.1[2-9]*/bin/python3; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then break; fi
done
"$python" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python shap==0.54.1 numpy==2.5.5 scikit-learn==1.9.1
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.4.1
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import itertools, math, sys
import numpy as np, shap, xgboost

def exact(score, row, background):
    """Shapley values by their definition: every set of known features, the others taken from the background."""
    sets, count = list(itertools.product([0, 1], repeat=len(row))), len(row)
    value = {known: score(np.where(known, row, background)).mean(axis=0) for known in sets}
    weight = [math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count) for size in range(count)]
    return np.array([sum(weight[sum(known)] * (value[known[:i] + (1,) + known[i + 1:]] - value[known])
                         for known in sets if not known[i]) for i in range(count)])

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
target = rows[:, 0] + rows[:, 1] * rows[:, 2]
background, asked = rows[:40], rows[40:80]
seen = {}
for rate in (0.0, 0.5):
    model = xgboost.XGBRegressor(booster="dart", rate_drop=rate, n_estimators=20, max_depth=4, n_jobs=1, random_state=1)
    model.fit(rows, target)
    answers = model.predict(asked)
    for way, data in (("background", background), ("paths", None)):
        explainer = shap.TreeExplainer(model, data)
        parts = explainer.shap_values(asked, check_additivity=True)
        seen[rate, way] = np.abs(parts.sum(axis=1) + explainer.expected_value - answers).max()
        print(f"shap {shap.__version__}, XGBoost {xgboost.__version__}, rate_drop {rate}, {way}: parts",
              f"{parts[0].round(2)}, sum off by up to {seen[rate, way]:.2g} (target {np.ptp(target):.3g} wide)")
    print(f"  by definition {exact(model.predict, asked[0], background).round(2)}")
sys.exit(not (max(seen[0.0, "background"], seen[0.0, "paths"], seen[0.5, "paths"]) < 1e-4
              and seen[0.5, "background"] > 1))
PYTHON
