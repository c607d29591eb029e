#!/usr/bin/env bash
# With classes_count=5 CatBoost keeps room for classes that its training rows do not show, and predict_proba gives them
# nothing. Its ONNX export (1.2.10) gives each of them the score 0, which is a whole vote of exp(0) in the softmax:
# here two classes that were never seen get nine in a hundred of the probability between them, and all others shrink.
# What to do: a window of training rows that lacks a rare class is the usual case, so compare all columns; drop those
# of classes never seen and divide by the rest.
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

target = np.digitize(rows[:, 0] + rows[:, 1] ** 2, [0.0, 1.0])
seen = {}
for classes in (3, 5):
    model = catboost.CatBoostClassifier(loss_function="MultiClass", classes_count=classes, **settings).fit(rows, target)
    theirs = model.predict_proba(rows)
    label, answers = exported(model)
    ours = np.array([list(row.values()) for row in answers])
    known = theirs[:, :3] if theirs.shape[1] >= 3 else theirs
    strangers = ours[:, 3:].sum(axis=1)
    seen[classes] = np.abs(known - ours[:, :3]).max(), strangers.mean(), theirs[:, 3:].sum()
    print(f"CatBoost {catboost.__version__}, {classes} classes: {theirs[0].round(3)} exported as {ours[0].round(3)};",
          f"probability of classes never seen {seen[classes][2]:.2g} and on average {seen[classes][1]:.1%},",
          f"labels of such {np.mean(np.asarray(label).astype(int) > 2):.1%}")
sys.exit(not (seen[3][0] < 1e-5 and seen[5][0] > 0.1 and seen[5][1] > 0.05 and seen[5][2] < 1e-9))
PYTHON
