#!/usr/bin/env bash
# scale_pos_weight=4 stands for giving every positive row the weight 4, and in CatBoost it is just that. LightGBM 4.7.0
# uses it in each tree's gradients and not in the score that boosting starts from (boost_from_average, the default),
# which stays at the plain share of positives: after ten trees here the mean probability is .36 instead of .47, and one
# row in seven gets the other label; the fewer the trees or the smaller the learning rate, the more. is_unbalance=true
# starts there as well. With boost_from_average=false the two ways are equal to the last digit. Without a word.
# What to do: give weights (class_weight, sample_weight), or switch boost_from_average off; judge early-stopped and
# tuned models by their mean probability too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm, numpy as np

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 3))
score = rows[:, 0] + rows[:, 1] * rows[:, 0] + rng.normal(size=2000)
label = (score > 1.0).astype(int)
weights = np.where(label == 1, 4.0, 1.0)
print(f"LightGBM {lightgbm.__version__}: share of positives {label.mean():.3f}, weighted",
      f"{np.average(label, weights=weights):.3f}")

def probabilities(trees, sample_weight=None, **options):
    """Probabilities of the training rows after so many trees."""
    model = lightgbm.LGBMClassifier(n_estimators=trees, verbose=-1, n_jobs=1, **options)
    return model.fit(rows, label, sample_weight=sample_weight).predict_proba(rows)[:, 1]

seen = {}
for name, options in (("by default", {}), ("boost_from_average=false", {"boost_from_average": False})):
    for trees in (1, 10, 100):
        scaled = probabilities(trees, scale_pos_weight=4.0, **options)
        weighted = probabilities(trees, weights, **options)
        differ = np.mean((scaled > 0.5) != (weighted > 0.5))
        seen[name, trees] = np.abs(scaled - weighted).max(), differ
        print(f"  {name}, {trees} trees: mean probability {scaled.mean():.3f} by scale_pos_weight,",
              f"{weighted.mean():.3f} by weights; other labels in {differ:.1%} of the rows")
balanced = probabilities(10, class_weight="balanced"), probabilities(10, is_unbalance=True)
print(f"  10 trees, balanced by class_weight: {balanced[0].mean():.3f}, by is_unbalance: {balanced[1].mean():.3f}")
sys.exit(not (seen["by default", 10][0] > 0.1 and seen["by default", 10][1] > 0.02
              and max(seen["boost_from_average=false", trees][0] for trees in (1, 10, 100)) < 1e-9
              and balanced[0].mean() - balanced[1].mean() > 0.05))
PYTHON
