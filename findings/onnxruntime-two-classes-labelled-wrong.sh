#!/usr/bin/env bash
# A TreeEnsembleClassifier of two classes whose leaves vote for both should answer with the label of the larger score,
# as it does for three. onnxruntime 1.32.0 labels by the second score alone: above zero is the second class, whatever
# the first one has. Scores of .8 and .2 are labelled as the second. Labels that are numbers are then not even looked
# up: with classes 7 and 9 it answers 1 or 0. Scores are right, and so is onnx's reference evaluator. The same in
# 1.22.1, 1.25.1 and 1.26.0. Real models come to it: LightGBM's multiclass with num_class=2, converted by onnxmltools.
# Its scores begin at the logarithm of a class's share, below zero, and after a short training likely rows are called
# the first class all the same, while the probabilities agree to the last digit.
# What to do: make labels from the probabilities, or write graphs of two classes that vote for one of them only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  lightgbm==4.7.0 onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm as lgb, numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

def two_leaves(votes, base=None, labels=(7, 9)):
    """A stump: x <= 0 goes left. Each leaf votes for both classes."""
    tree = {
        "nodes_treeids": [0] * 3, "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0] * 3, "nodes_values": [0.0] * 3,
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0],
        "class_treeids": [0] * 4, "class_nodeids": [1, 1, 2, 2], "class_ids": [0, 1, 0, 1],
        "class_weights": [weight for leaf in votes for weight in leaf],
        "classlabels_int64s": list(labels), "post_transform": "NONE", **({"base_values": base} if base else {})}
    graph = helper.make_graph(
        [helper.make_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", **tree)], "stump",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
         helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2])])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("ai.onnx.ml", 3)])
    onnx.checker.check_model(model)
    x = {"x": np.array([[-1], [1]], np.float32)}
    runtime = onnxruntime.InferenceSession(model.SerializeToString()).run(None, x)
    return runtime, ReferenceEvaluator(model).run(None, x)

as_seen = True
cases = [(0.8, 0.2), (0.4, 0.6)], [(3.0, 1.0), (1.0, 3.0)], [(-1.0, -2.0), (-2.0, -1.0)]
for votes, wrong in zip(cases, ([1, 1], [1, 1], [0, 0])):
    (label, scores), (expected, reference) = two_leaves(votes)
    print(f"onnxruntime {onnxruntime.__version__}: scores {scores.astype(float).round(2).tolist()}",
          f"labelled {label.tolist()}, by the reference {expected.tolist()}")
    as_seen &= np.allclose(scores, reference) and label.tolist() == wrong and set(expected.tolist()) <= {7, 9}

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
target = (rows[:, 0] + rows[:, 1] ** 2 > 1).astype(int)
settings = {"objective": "multiclass", "num_class": 2, "verbosity": -1, "num_threads": 1}
model = lgb.train(settings, lgb.Dataset(rows, target), 5)
graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
label, scores = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})
theirs = model.predict(rows)
disagree = np.mean(label != scores.argmax(axis=1))
print(f"LightGBM {lgb.__version__}, num_class=2: probabilities differ by at most {np.abs(theirs - scores).max():.1g},",
      f"labels are not the likelier class for {disagree:.1%} of rows")
sys.exit(not (as_seen and np.allclose(theirs, scores, atol=1e-5) and disagree > 0.1))
PYTHON
