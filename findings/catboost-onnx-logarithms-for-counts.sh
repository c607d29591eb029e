#!/usr/bin/env bash
# CatBoostRegressor.predict answers counts for Poisson and amounts for Tweedie: the exponential of the trees' sum. Its
# ONNX export (1.2.10) ends at the sum, without a word, so that an expected count of 1.2 is scored as .16, and counts
# below 1 as negative numbers. (catboost.CatBoost, the class without a task, answers the sum from predict, and so
# agrees: a check with the wrong class proves nothing. SurvivalAft is exported as the logarithm of the time as well.)
# What to do: put an Exp behind the export; compare with what the user's own code calls.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 six==1.17.0
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps catboost==1.2.10
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import catboost, numpy as np, onnxruntime

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
settings = {"iterations": 30, "depth": 4, "verbose": 0, "thread_count": 1, "allow_writing_files": False}

def exported(model):
    model.save_model("model.onnx", format="onnx")
    return onnxruntime.InferenceSession("model.onnx").run(None, {"features": rows})

mean = np.exp(0.4 * rows[:, 0] + 0.2 * rows[:, 1])
as_seen = True
for loss in ("RMSE", "Poisson", "Tweedie:variance_power=1.5"):
    model = catboost.CatBoostRegressor(loss_function=loss, **settings).fit(rows, rng.poisson(mean))
    theirs, ours = model.predict(rows), exported(model)[0].ravel()
    same, logarithm = np.allclose(theirs, ours, atol=1e-5), np.allclose(theirs, np.exp(ours), rtol=1e-5)
    print(f"CatBoost {catboost.__version__}, {loss}: {theirs[:3].round(3)} exported as {ours[:3].round(3)};",
          f"equal {same}, its logarithm {logarithm}, negative {np.mean(ours < 0):.1%}")
    as_seen &= (same, logarithm) == ((True, False) if loss == "RMSE" else (False, True))
sys.exit(not as_seen)
PYTHON
