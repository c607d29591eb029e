#!/usr/bin/env bash
# LightGBM's linear_tree=true puts a small linear model into each leaf. shap's TreeExplainer (0.54.1) with a background
# reads the leaves' constants and leaves the slopes out, without a word: a feature that works through the slopes alone
# gets next to nothing, and the rest is a model that does not exist. The check that parts add up passes, since it asks
# shap's own copy of the trees. Without a background shap asks LightGBM, which refuses linear trees by name.
# What to do: compare the sum with predict; explain linear trees with a permutation explainer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# shap 0.54 needs Python 3.12.
for python in python3 python3.14 python3.13 python3.12 ~/.pyenv/versions/3.1[2-9]*/bin/python3; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then break; fi
done
"$python" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python shap==0.54.1 numpy==2.5.5 lightgbm==4.7.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import itertools, math, sys
import lightgbm, numpy as np, shap

def exact(score, row, background):
    """Shapley values by their definition: every set of known features, the others taken from the background."""
    sets, count = list(itertools.product([0, 1], repeat=len(row))), len(row)
    value = {known: score(np.where(known, row, background)).mean(axis=0) for known in sets}
    weight = [math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count) for size in range(count)]
    return np.array([sum(weight[sum(known)] * (value[known[:i] + (1,) + known[i + 1:]] - value[known])
                         for known in sets if not known[i]) for i in range(count)])

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 3))
target = np.where(rows[:, 0] > 0, 2 * rows[:, 1], -2 * rows[:, 1]) + rows[:, 2]
background, asked = rows[:40], rows[40:80]
seen = {}
for linear in (False, True):
    settings = {"linear_tree": linear, "num_leaves": 4, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(rows, target), 30)
    explainer = shap.TreeExplainer(model, background)
    parts = explainer.shap_values(asked, check_additivity=True)
    right = np.array([exact(model.predict, row, background) for row in asked])
    off = np.abs(parts.sum(axis=1) + explainer.expected_value - model.predict(asked)).max()
    seen[linear] = off, np.abs(parts - right).max()
    print(f"shap {shap.__version__}, LightGBM {lightgbm.__version__}, linear_tree {linear}: mean sizes of the parts",
          f"{np.abs(parts).mean(axis=0).round(2)}, by definition {np.abs(right).mean(axis=0).round(2)};",
          f"sum off by up to {off:.2g}")
try:
    shap.TreeExplainer(model).shap_values(asked)
    refused = False
except Exception as error:
    refused = "linear" in str(error)
    print(f"without a background: {error}")
sys.exit(not (max(seen[False]) < 1e-6 and min(seen[True]) > 0.5 and refused))
PYTHON
