#!/usr/bin/env bash
# XGBoost's predict applies the objective's link: reg:logistic answers a share between 0 and 1, survival:aft a time,
# survival:cox a hazard. onnxmltools 1.16.0 knows the link of poisson, gamma and tweedie and forgets it for these
# three, without a word: shares come out above 1 and below 0. Nor are they plain scores: the base score is added before
# the link was applied to it, so that even the logistic function of the answer is wrong (for reg:logistic by the
# difference between the base score and its log-odds). The same with XGBoost 3.4.1.
# What to do: look at the range of a converted model's answers; correct the base score before the link is applied
# outside.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnxruntime, xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model):
    graph = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})

signal = rows[:, 0] + rows[:, 1] ** 2 - 1
share = 1 / (1 + np.exp(-signal))
settings = {"n_estimators": 20, "max_depth": 4, "n_jobs": 1}
model = xgboost.XGBRegressor(objective="reg:logistic", **settings).fit(rows, share)
theirs, ours = model.predict(rows), converted(model)[0].ravel()
margin = model.predict(rows, output_margin=True)
off = ours - margin
outside = np.mean((ours < 0) | (ours > 1))
print(f"XGBoost {xgboost.__version__}, reg:logistic: {theirs[:3].round(3)} converted to {ours[:3].round(3)},",
      f"outside 0 to 1: {outside:.1%}; off the margin by {off.mean():.3f}, always the same: {np.ptp(off) < 1e-5}")
as_seen = outside > 0.3 and np.ptp(off) < 1e-5 and abs(off.mean()) > 0.05

answers = {}
for objective in ("survival:cox", "count:poisson"):
    model = xgboost.XGBRegressor(objective=objective, **settings).fit(rows, np.exp(signal))
    answers[objective] = model.predict(rows), converted(model)[0].ravel()
times = xgboost.DMatrix(rows)
times.set_float_info("label_lower_bound", np.exp(signal))
times.set_float_info("label_upper_bound", np.exp(signal))
model = xgboost.train({"objective": "survival:aft", "max_depth": 4, "nthread": 1}, times, 20)
answers["survival:aft"] = model.predict(times), converted(model)[0].ravel()
for name, (theirs, ours) in answers.items():
    linked = np.allclose(theirs, ours, rtol=1e-3)
    steady = np.ptp(ours - np.log(theirs)) < 1e-3
    print(f"{name}: {theirs[:3].round(3)} converted to {ours[:3].round(3)}, equal {linked},",
          f"its logarithm but for a constant {steady}")
    as_seen &= linked == (name == "count:poisson") and steady == (name != "count:poisson")
sys.exit(not as_seen)
PYTHON
