#!/usr/bin/env bash
# GradientBoostingClassifier(loss="exponential") answers 1/(1+exp(-2 score)): the loss's own link. treelite 4.8.1
# imports the model without a word and answers 1/(1+exp(-score)), so that every probability is drawn to one half.
# Labels are right. skl2onnx 1.20.0 converts the same model rightly, and treelite is right for the default loss.
# What to do: double the score before the logistic function, or compare with predict_proba and refuse.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  scikit-learn==1.9.1 treelite==4.8.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnxruntime, sklearn, treelite, treelite.sklearn
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
target = (rows[:, 0] + rows[:, 1] ** 2 + rng.normal(size=2000) > 1).astype(int)
seen = {}
for loss in ("log_loss", "exponential"):
    model = GradientBoostingClassifier(loss=loss, n_estimators=30, random_state=1).fit(rows, target)
    theirs = model.predict_proba(rows)[:, 1]
    imported = treelite.gtil.predict(treelite.sklearn.import_model(model), rows.astype(float)).ravel()
    graph = to_onnx(model, rows[:1], options={"zipmap": False})
    ours = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})[1][:, 1]
    plain = 1 / (1 + np.exp(-model.decision_function(rows)))
    seen[loss] = [np.abs(answer - theirs).max() for answer in (imported, ours)] + [np.abs(imported - plain).max()]
    print(f"scikit-learn {sklearn.__version__}, {loss}: {theirs[:3].round(3)}, treelite {treelite.__version__}",
          f"{imported[:3].round(3)}, ONNX {ours[:3].round(3)}; treelite is off by up to {seen[loss][0]:.2g}")
sys.exit(not (max(seen["log_loss"][:2]) < 1e-4 and seen["exponential"][0] > 0.05 and seen["exponential"][1] < 1e-4
              and seen["exponential"][2] < 1e-4))
PYTHON
