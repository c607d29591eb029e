#!/usr/bin/env bash
# XGBoost's rankers score rows; only the order of the scores counts. onnxmltools 1.16.0 refuses an XGBRanker, and takes
# its booster, the usual way round, without a word: as a classifier of two classes, whose log-odds begin at the base
# score, read as a probability. XGBoost fits that base score, and it lies within a rounding of 0. Below 0 its log-odds
# are NaN, and so is every answer of the model; above 0 they are -20, and every row gets probability 0 in float32 as
# far as the scores stay near 0, so that rows tie and the order is lost. rank:ndcg, rank:pairwise and rank:map alike;
# which of the two it is depends on the data.
# What to do: compare a converted ranker with its own scores; rank by the trees alone (sum the leaves yourself, or
# convert an LGBMRanker, which comes out right).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 lightgbm==4.7.0
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import json, sys
import lightgbm, numpy as np, onnxruntime, xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(0)
rows = rng.normal(size=(2000, 5)).astype(np.float32)
group = np.repeat(np.arange(100), 20)
noisy = rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=2000) * 0.3
relevance = np.clip(np.round(noisy + 1.5), 0, 4).astype(int)
types = [("x", FloatTensorType([None, 5]))]

def answers(graph):
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})

print(f"XGBoost {xgboost.__version__}, onnxmltools 1.16.0, ONNX Runtime {onnxruntime.__version__}")
seen = {}
for objective in ("rank:ndcg", "rank:pairwise", "rank:map"):
    labels = (relevance > 1).astype(int) if objective == "rank:map" else relevance
    model = xgboost.train({"objective": objective, "nthread": 1}, xgboost.DMatrix(rows, labels, qid=group), 20)
    scores = model.predict(xgboost.DMatrix(rows))
    graph = convert_xgboost(model, initial_types=types)
    second = np.asarray(answers(graph)[1])[:, 1]
    base = json.loads(model.save_config())["learner"]["learner_model_param"]["base_score"]
    seen[objective] = second
    print(f"{objective}: base score {base}, scores {np.round(scores[:3], 2)}, converted to {graph.graph.node[0].op_type},",
          f"{np.isnan(second).mean():.0%} NaN, {len(np.unique(second))} different answers for {len(np.unique(scores))} scores")

refused = False
try:
    convert_xgboost(xgboost.XGBRanker(n_estimators=5).fit(rows, relevance, qid=group), initial_types=types)
except Exception as error:
    refused = True
    print(f"XGBRanker itself: {type(error).__name__}")
ranker = lightgbm.LGBMRanker(n_estimators=20, verbose=-1, n_jobs=1).fit(rows, relevance, group=[20] * 100)
miss = np.abs(answers(convert_lightgbm(ranker, initial_types=types))[0].ravel() - ranker.predict(rows)).max()
print(f"LGBMRanker, for comparison: right to {miss:.1g}")
sys.exit(not (refused and miss < 1e-5 and all(np.isnan(seen[name]).all() for name in ("rank:ndcg", "rank:pairwise"))
              and not np.isnan(seen["rank:map"]).any() and seen["rank:map"].max() < 1e-3))
PYTHON
