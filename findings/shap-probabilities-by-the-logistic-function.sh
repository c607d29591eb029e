#!/usr/bin/env bash
# TreeExplainer(model, background, model_output="probability") explains the probability, says shap (0.54.1). It applies
# the plain logistic function to every score, whatever the model's own link is, without a word: with three classes each
# class gets a probability of its own that is no softmax (they add up to something else than 1), with LightGBM's
# sigmoid=2 and with scikit-learn's exponential loss each is drawn towards one half. The check that parts add up
# passes.
# What to do: compare expected value plus parts with predict_proba; give a permutation explainer predict_proba itself.
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
venv/bin/uv pip install --quiet --python venv/bin/python shap==0.54.1 numpy==2.5.5 lightgbm==4.7.0 scikit-learn==1.9.1
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm, numpy as np, shap
from sklearn.ensemble import GradientBoostingClassifier

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4))
score = rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=2000) / 2
background, asked = rows[:40], rows[40:100]
trees = {"n_estimators": 30, "verbose": -1, "n_jobs": 1, "num_leaves": 8}
cases = {
    "two classes": (lightgbm.LGBMClassifier(**trees), score > 0),
    "three classes": (lightgbm.LGBMClassifier(**trees), np.digitize(score, [-1, 1])),
    "sigmoid=2": (lightgbm.LGBMClassifier(sigmoid=2.0, **trees), score > 0),
    "exponential loss": (GradientBoostingClassifier(loss="exponential", n_estimators=30), score > 0),
}
off = {}
for name, (model, target) in cases.items():
    model.fit(rows, target.astype(int))
    explainer = shap.TreeExplainer(model, background, model_output="probability")
    parts = np.asarray(explainer.shap_values(asked, check_additivity=True))
    sums = parts.sum(axis=1) + explainer.expected_value
    theirs = model.predict_proba(asked)
    theirs = theirs if sums.ndim == 2 else theirs[:, 1]
    off[name] = np.abs(sums - theirs).max()
    print(f"shap {shap.__version__}, {name}: explained {sums[0].round(3)}, predict_proba {theirs[0].round(3)},",
          f"off by up to {off[name]:.2g}")
    if sums.ndim == 2:
        print(f"  the explained probabilities of a row add up to {sums.sum(axis=1).min():.2f} to",
              f"{sums.sum(axis=1).max():.2f}")
sys.exit(not (off["two classes"] < 1e-6 and min(v for name, v in off.items() if name != "two classes") > 0.08))
PYTHON
