#!/usr/bin/env bash
# CatBoost 1.2.10 writes ONNX itself, and writes a softmax for every model of several classes: also for
# MultiClassOneVsAll, whose probabilities are independent sigmoids, and for MultiLogloss, whose labels do not exclude
# each other. No error, no warning. Of two labels that are both likely (.76 and .87) the exported model makes
# probabilities that add up to 1, and names just one of them.
# What to do: export raw scores (a regression of each label), or compare probabilities with predict_proba and refuse
# what differs.
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

signals = np.stack([rows[:, 0], rows[:, 1] ** 2 - 0.5], axis=1)
cases = {
    "MultiClass": np.digitize(signals.sum(axis=1), [0.0, 1.0]),
    "MultiClassOneVsAll": np.digitize(signals.sum(axis=1), [0.0, 1.0]),
    "MultiLogloss": (signals > 0).astype(int),
}
differ = {}
for loss, target in cases.items():
    model = catboost.CatBoostClassifier(loss_function=loss, **settings).fit(rows, target)
    theirs = model.predict_proba(rows)
    ours = np.array([list(row.values()) for row in exported(model)[1]])
    scores = model.predict(rows, prediction_type="RawFormulaVal")
    softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    differ[loss] = np.abs(theirs - ours).max(), np.abs(softmax - ours).max()
    print(f"CatBoost {catboost.__version__}, {loss}: {theirs[0].round(3)} exported as {ours[0].round(3)},",
          f"largest difference {differ[loss][0]:.2g}, from a softmax {differ[loss][1]:.2g}")
sys.exit(not (differ["MultiClass"][0] < 1e-5 and min(differ["MultiClassOneVsAll"][0], differ["MultiLogloss"][0]) > 0.1
              and max(softmax for _, softmax in differ.values()) < 1e-5))
PYTHON
