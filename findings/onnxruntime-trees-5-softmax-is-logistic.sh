#!/usr/bin/env bash
# The specification of TreeEnsemble (ai.onnx.ml 5) numbers its post_transform: 1 is SOFTMAX, 2 is LOGISTIC. onnxruntime
# 1.32.0 takes 1 for LOGISTIC and 2 for SOFTMAX, without a word, so that a graph written by the specification gives
# probabilities that do not add up to 1, or log-odds where there should be none. onnx's reference evaluator (1.23.2)
# applies neither, and is no help in deciding. For one target onnxruntime applies neither of the two.
# What to do: write NONE and a node of its own behind it, or the older operators, whose transforms have names.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper

def ensemble(rows, post_transform=0, members=None):
    """One split of ai.onnx.ml 5's TreeEnsemble: true goes to target 0, false to target 1."""
    tensor = lambda values, kind=np.float32: numpy_helper.from_array(np.array(values, kind))
    tree = {
        "tree_roots": [0], "nodes_featureids": [0], "nodes_modes": tensor([0 if members is None else 6], np.uint8),
        "nodes_splits": tensor([0.5]), "nodes_truenodeids": [0], "nodes_trueleafs": [1], "nodes_falsenodeids": [1],
        "nodes_falseleafs": [1], "leaf_targetids": [0, 1], "leaf_weights": tensor([1, 2]), "n_targets": 2,
        "aggregate_function": 1, "post_transform": post_transform}
    if members is not None:
        tree["membership_values"] = tensor([*members, np.nan])
    graph = helper.make_graph(
        [helper.make_node("TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", **tree)], "split",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("ai.onnx.ml", 5)])
    onnx.checker.check_model(model)
    x = {"x": np.array(rows, np.float32).reshape(-1, 1)}
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, x)[0], model, x

said = onnx.defs.get_schema("TreeEnsemble", domain="ai.onnx.ml").attributes["post_transform"].description
said = said[said.index("One of"):]
print(f"onnx {onnx.__version__}: {said}")
scores = np.array([[1, 0], [0, 2]])
softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
logistic = 1 / (1 + np.exp(-scores))
answers = {number: ensemble([0, 1], number)[0] for number in (0, 1, 2)}
for number, answer in answers.items():
    print(f"onnxruntime {onnxruntime.__version__}, post_transform={number}: {answer.astype(float).round(3).tolist()}")
specified = "'SOFTMAX' (1), 'LOGISTIC' (2)" in said
sys.exit(not (specified and np.allclose(answers[0], scores) and np.allclose(answers[1], logistic, atol=1e-6)
              and np.allclose(answers[2], softmax, atol=1e-6)))
PYTHON
