#!/usr/bin/env bash
# partial_dependence averages a regressor's predictions, its documentation says. For HistGradientBoostingRegressor with
# loss="poisson" or "gamma" scikit-learn 1.9.1 by default (method "auto", which is "recursion") answers the trees' sum,
# which is a logarithm less its starting point, without a word: expected counts that rise from 3 to 12 are drawn as a
# curve from -0.8 to 0.6, and what is convex looks straight. (With squared error the shape is right and the level lacks
# the starting point as well, though the documentation says that this offset does not concern HistGradientBoosting.)
# method="brute" answers counts.
# What to do: ask for method="brute" where the loss has a link; compare a curve's level with the mean prediction.
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
from sklearn.inspection import partial_dependence

rng = np.random.default_rng(1)
rows = rng.uniform(size=(2000, 2))
rate = np.exp(1 + 1.5 * rows[:, 0])
ends = {0: np.array([0.05, 0.5, 0.95])}
targets = {"squared_error": rate, "poisson": rng.poisson(rate), "gamma": rng.gamma(4, rate / 4)}
curves = {}
for loss, target in targets.items():
    model = HistGradientBoostingRegressor(loss=loss, max_iter=60, random_state=1).fit(rows, target)
    curves[loss] = [partial_dependence(model, rows, [0], custom_values=ends, method=method)["average"][0]
                    for method in ("auto", "brute")]
    print(f"scikit-learn {sklearn.__version__}, {loss}: mean prediction {model.predict(rows).mean():.2f}; by default",
          f"{curves[loss][0].round(2)}, brute {curves[loss][1].round(2)}")
same = {loss: np.abs(default - brute).max() for loss, (default, brute) in curves.items()}
logs = {loss: np.ptp(curves[loss][0]) / np.ptp(np.log(curves[loss][1])) for loss in ("poisson", "gamma")}
print(f"heights by those of the logarithms of brute: poisson {logs['poisson']:.2f}, gamma {logs['gamma']:.2f}")
sys.exit(not (np.ptp(curves["squared_error"][0]) / np.ptp(curves["squared_error"][1]) > 0.95
              and min(same["poisson"], same["gamma"]) > 3 and all(0.9 < ratio < 1.1 for ratio in logs.values())))
PYTHON
