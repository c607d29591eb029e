#!/usr/bin/env bash
# base_values of a TreeEnsembleClassifier are added to the classes' scores, so zeros should change nothing. In
# onnxruntime 1.32.0 (and 1.22.1, 1.25.1), for two classes whose leaves vote for both, they change everything: with
# base values of 0 and 0 the first class's score goes to the second, and the first gets its negative. The second
# class's own votes are lost. onnx's reference evaluator adds as the specification says. XGBoost's multi:softprob with
# num_class=2, converted by onnxmltools, ends like this: probabilities are turned round and nearly every label is the
# other class.
# What to do: vote for one class only where there are two, or add the base values to the leaves; compare labels and
# probabilities.
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
import numpy as np, onnx, onnxruntime, xgboost
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnxmltools import convert_xgboost
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

votes = [(0.8, 0.2), (0.4, 0.6)]
(_, plain), (_, plain_reference) = two_leaves(votes)
(_, based), (_, based_reference) = two_leaves(votes, base=[0.0, 0.0])
shown = lambda scores: scores.astype(float).round(2).tolist()
print(f"onnxruntime {onnxruntime.__version__}: without base values {shown(plain)}, with zeros {shown(based)}")
print(f"reference: {shown(plain_reference)}, {shown(based_reference)}")
as_seen = np.allclose(plain, votes) and np.allclose(plain_reference, votes) and np.allclose(based_reference, votes)
as_seen &= np.allclose(based, [(-0.8, 0.8), (-0.4, 0.4)])

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
target = (rows[:, 0] + rows[:, 1] ** 2 > 1).astype(int)
settings = {"objective": "multi:softprob", "num_class": 2, "max_depth": 4, "nthread": 1}
model = xgboost.train(settings, xgboost.DMatrix(rows, target), 20)
graph = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
label, ours = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})
theirs = model.predict(xgboost.DMatrix(rows))
print(f"XGBoost {xgboost.__version__}: {theirs[0].round(3)} converted to {ours[0].round(3)};",
      f"right of the training rows {np.mean(theirs.argmax(1) == target):.1%}, converted {np.mean(label == target):.1%}")
sys.exit(not (as_seen and np.mean(theirs.argmax(1) == target) > 0.9 and np.mean(label == target) < 0.2))
PYTHON
