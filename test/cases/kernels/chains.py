"""Makes the graphs beside this file: python chains.py (onnx 1.22.0)."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

one = numpy_helper.from_array(np.array([1.0], np.float32), "one")


def tree(output, source="X"):
    return helper.make_node(
        "TreeEnsembleRegressor",
        [source],
        [output],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_values=[0.5 if source == "X" else 1.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        nodes_missing_value_tracks_true=[0, 0, 0],
        nodes_hitrates=[1.0, 1.0, 1.0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, 2.0],
        post_transform="NONE",
        aggregate_function="SUM",
    )


def save(name, nodes, initializer=(), source=("X", TensorProto.FLOAT)):
    inputs = [helper.make_tensor_value_info(*source, [None, 1])]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializer))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, Path(__file__).parent / f"{name}.onnx")


node = helper.make_node
save("no-operator", [tree("Y")])
save("direct-exp", [tree("s"), node("Exp", ["s"], ["Y"])])
save("identity-exp", [tree("s"), node("Identity", ["s"], ["i"]), node("Exp", ["i"], ["Y"])])
save("mul1-exp", [tree("s"), node("Mul", ["s", "one"], ["i"]), node("Exp", ["i"], ["Y"])], [one])
save(
    "identity-add-2",
    [
        tree("s"),
        node("Identity", ["s"], ["i"]),
        node("Add", ["i", "one"], ["j"]),
        node("Identity", ["j"], ["Y"]),
    ],
    [one],
)
two = numpy_helper.from_array(np.array([2.0], np.float32))
save("mul-by-constant-node-2", [node("Constant", [], ["k"], value=two), tree("s"), node("Mul", ["s", "k"], ["Y"])])
save("mul-self", [tree("s"), node("Mul", ["s", "s"], ["Y"])])
save(
    "label-encoder-duplicate-keys",
    [
        node(
            "LabelEncoder",
            ["T"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["a", "a", "b"],
            values_floats=[1.0, 2.0, 3.0],
        ),
        tree("Y", "code"),
    ],
    source=("T", TensorProto.STRING),
)
