#!/usr/bin/env bash
# interaction_constraints=[[0, 1]] says that columns 0 and 1 may share a branch. About a column in no list LightGBM's
# documentation says nothing; 4.7.0 never splits on it, without a warning: it is as if the column were not there,
# though it carries most of the target. XGBoost 3.2.0 uses it by itself, and scikit-learn's HistGradientBoosting, as
# documented, lets all such columns share branches. The same setting carried from one to the other gives three
# different models.
# What to do: list every column, in a list of its own if it is to stand alone; look at feature importances for zeros.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm, numpy as np, sklearn, xgboost
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 3))
target = rows[:, 0] * rows[:, 1] + 3 * rows[:, 2]
trees = {"verbose": -1, "num_threads": 1}
fitted, splits = {}, {}
for name, lists in (("none", None), ("[[0, 1]]", [[0, 1]]), ("[[0, 1], [2]]", [[0, 1], [2]])):
    settings = {**trees, "interaction_constraints": lists} if lists else trees
    model = lightgbm.train(settings, lightgbm.Dataset(rows, target), 50)
    splits[name] = model.feature_importance()
    fitted[name] = r2_score(target, model.predict(rows))
    print(f"LightGBM {lightgbm.__version__}, constraints {name}: splits by column {splits[name]},",
          f"R2 {fitted[name]:.2f}")
model = xgboost.train({"interaction_constraints": "[[0, 1]]", "nthread": 1}, xgboost.DMatrix(rows, target), 50)
fitted["XGBoost"] = r2_score(target, model.predict(xgboost.DMatrix(rows)))
forest = HistGradientBoostingRegressor(max_iter=50, interaction_cst=[{0, 1}]).fit(rows, target)
fitted["scikit-learn"] = r2_score(target, forest.predict(rows))
print(f"XGBoost {xgboost.__version__} with [[0, 1]]: splits {model.get_score()}, R2 {fitted['XGBoost']:.2f};",
      f"scikit-learn {sklearn.__version__}: R2 {fitted['scikit-learn']:.2f}")
sys.exit(not (splits["[[0, 1]]"][2] == 0 and fitted.pop("[[0, 1]]") < 0.5 and min(fitted.values()) > 0.9
              and splits["[[0, 1], [2]]"][2] > 0))
PYTHON
