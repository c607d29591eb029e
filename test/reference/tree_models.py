"""How the tree models among the test fixtures were made.

Trains small LightGBM, XGBoost and scikit-learn models on tables drawn from a seed and exports them to ONNX,
and writes a few graphs by hand for what no exporter emits. The same packages (tree-models-requirements.txt) give the
same bytes.

    python tree_models.py <folder>                writes <folder>/<name>.onnx
    python tree_models.py <folder> <name> ...     writes only these
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from lightgbm import LGBMClassifier, LGBMRegressor
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier, XGBRegressor

FEATURES = 5
CATEGORIES = 12  # of the last feature of a categorical table


# Tables


def table(rows=1_500, missing=False, categorical=False):
    """Rows of float32 features, and one hidden score of each."""
    random = np.random.default_rng(20251126)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    if categorical:
        x[:, -1] = random.integers(0, CATEGORIES, rows)
    effect = random.normal(size=CATEGORIES)[x[:, -1].astype(int)] * 2 if categorical else np.abs(x[:, 4])
    score = x[:, 0] * 1.5 + np.sin(x[:, 1] * 2) + (x[:, 2] > 0.3) * x[:, 3] + effect
    score += random.normal(scale=0.3, size=rows)
    if missing:
        gaps = random.random(x.shape) < 0.15
        score += gaps[:, 0] * 1.5  # a missing value says something
        x[gaps] = np.nan
    return x, score


def binary(**options):
    x, score = table(**options)
    return x, (score > np.quantile(score, 0.6)).astype(np.int64)


def three_classes(**options):
    x, score = table(**options)
    return x, np.digitize(score, np.quantile(score, [0.3, 0.7])).astype(np.int64)


# Exporters: each gives the fitted model, the rows it was fitted to and its ONNX graph.


def from_lightgbm(model, data, zipmap=False, **fit):
    model.fit(*data, **fit)
    inputs = [("X", OtherFloatTensorType([None, FEATURES]))]
    return model, data[0], convert_lightgbm(model, "trees", inputs, zipmap=zipmap)


def from_xgboost(model, data):
    model.fit(*data)
    inputs = [("X", OtherFloatTensorType([None, FEATURES]))]
    return model, data[0], convert_xgboost(model, "trees", inputs)


def from_sklearn(model, data, tensor=FloatTensorType, opset=None, **options):
    model.fit(*data)
    return (
        model,
        data[0],
        to_onnx(
            model,
            initial_types=[("X", tensor([None, FEATURES]))],
            options={id(model): options} if options else None,
            target_opset=opset,
            name="trees",
        ),
    )


SKLEARN_OPSET = {"": 18, "ai.onnx.ml": 3}  # some models need to be told


def lightgbm(kind, **params):
    settings = {"n_estimators": 10, "num_leaves": 31, "random_state": 0, "n_jobs": 1, "deterministic": True}
    return kind(**settings | {"verbose": -1} | params)


def random_forest(kind):
    return lightgbm(kind, n_estimators=100, num_leaves=5, boosting_type="rf", bagging_freq=1, subsample=0.7)


def xgboost(kind, **params):
    return kind(**{"n_estimators": 10, "max_depth": 6, "random_state": 0, "n_jobs": 1} | params)


def forest(kind, **params):
    return kind(**{"n_estimators": 10, "max_leaf_nodes": 32, "random_state": 0} | params)


def boosted(kind, **params):
    return kind(**{"n_estimators": 12, "max_depth": 4, "random_state": 0} | params)


def hist(kind):
    return kind(max_iter=10, random_state=0, early_stopping=False)


FROM_LIBRARIES = {
    "lightgbm-binary": lambda: from_lightgbm(lightgbm(LGBMClassifier), binary()),
    "lightgbm-binary-zipmap": lambda: from_lightgbm(lightgbm(LGBMClassifier), binary(), zipmap=True),
    "lightgbm-multiclass": lambda: from_lightgbm(
        lightgbm(LGBMClassifier, n_estimators=5, num_leaves=24), three_classes()
    ),
    "lightgbm-regression": lambda: from_lightgbm(lightgbm(LGBMRegressor), table()),
    "lightgbm-binary-63-leaves": lambda: from_lightgbm(
        lightgbm(LGBMClassifier, n_estimators=6, num_leaves=63, min_child_samples=5), binary()
    ),
    "lightgbm-categorical": lambda: from_lightgbm(
        lightgbm(LGBMClassifier, max_cat_to_onehot=2, min_data_per_group=10, cat_smooth=1),
        binary(categorical=True),
        categorical_feature=[FEATURES - 1],
    ),
    "lightgbm-missing": lambda: from_lightgbm(lightgbm(LGBMClassifier, use_missing=True), binary(missing=True)),
    # Of a random forest the converter divides by 100 whatever the number of trees. A classifier's sum it makes
    # a probability before that, so that no number of trees gives LightGBM's predictions: to be refused.
    "lightgbm-random-forest": lambda: from_lightgbm(random_forest(LGBMClassifier), binary()),
    "lightgbm-random-forest-regression": lambda: from_lightgbm(random_forest(LGBMRegressor), table()),
    "xgboost-binary": lambda: from_xgboost(xgboost(XGBClassifier), binary()),
    "xgboost-multiclass": lambda: from_xgboost(xgboost(XGBClassifier, n_estimators=5, max_depth=4), three_classes()),
    "xgboost-regression": lambda: from_xgboost(xgboost(XGBRegressor, max_depth=5), table()),
    "xgboost-missing": lambda: from_xgboost(xgboost(XGBClassifier), binary(missing=True)),
    "xgboost-binary-255": lambda: from_xgboost(
        xgboost(
            XGBClassifier,
            n_estimators=3,
            max_depth=0,
            max_leaves=255,
            grow_policy="lossguide",
            min_child_weight=0,
            reg_lambda=0.1,
        ),
        binary(rows=8_000),
    ),
    "sklearn-random-forest-binary": lambda: from_sklearn(
        forest(RandomForestClassifier, max_features=2), binary(), zipmap=False
    ),
    "sklearn-random-forest-binary-zipmap": lambda: from_sklearn(forest(RandomForestClassifier), binary()),
    "sklearn-random-forest-multiclass": lambda: from_sklearn(
        forest(RandomForestClassifier, n_estimators=8), three_classes(), zipmap=False
    ),
    "sklearn-random-forest-regression": lambda: from_sklearn(forest(RandomForestRegressor), table()),
    "sklearn-random-forest-deep": lambda: from_sklearn(
        forest(RandomForestClassifier, n_estimators=12, max_leaf_nodes=None), binary(), zipmap=False
    ),
    "sklearn-extra-trees-binary": lambda: from_sklearn(forest(ExtraTreesClassifier), binary(), zipmap=False),
    "sklearn-decision-tree-binary": lambda: from_sklearn(
        DecisionTreeClassifier(max_leaf_nodes=64, random_state=0), binary(), zipmap=False
    ),
    "sklearn-gradient-boosting-binary": lambda: from_sklearn(
        boosted(GradientBoostingClassifier), binary(), zipmap=False
    ),
    "sklearn-gradient-boosting-multiclass": lambda: from_sklearn(
        boosted(GradientBoostingClassifier, n_estimators=5, max_depth=3), three_classes(), zipmap=False
    ),
    "sklearn-gradient-boosting-regression": lambda: from_sklearn(boosted(GradientBoostingRegressor), table()),
    # Only the input is of doubles: thresholds and scores stay floats. (Of gradient boosting, the output is said
    # to be of doubles too, and onnxruntime refuses to load that.)
    "sklearn-double": lambda: from_sklearn(
        forest(RandomForestClassifier), binary(), DoubleTensorType, SKLEARN_OPSET, zipmap=False
    ),
    "sklearn-hist-gradient-boosting-binary": lambda: from_sklearn(
        hist(HistGradientBoostingClassifier), binary(missing=True), zipmap=False
    ),
    "sklearn-hist-gradient-boosting-regression": lambda: from_sklearn(hist(HistGradientBoostingRegressor), table()),
    # To be refused: operators around the trees.
    "sklearn-isolation-forest": lambda: from_sklearn(
        IsolationForest(n_estimators=5, max_samples=64, random_state=0), table(), opset=SKLEARN_OPSET
    ),
    "sklearn-pipeline-scaler": lambda: from_sklearn(
        make_pipeline(StandardScaler(), boosted(GradientBoostingClassifier)), binary(), zipmap=False
    ),
}

# By hand


class Leaf:
    """A weight, or {target or class: weight}."""

    def __init__(self, weights):
        self.weights = weights if isinstance(weights, dict) else {0: weights}


class Branch:
    """A comparison of a feature with a value; what is no branch on either side of it is a leaf."""

    def __init__(self, mode, feature, value, true, false, missing=0):
        self.mode, self.feature, self.value, self.missing = mode, feature, value, missing
        self.true, self.false = (t if isinstance(t, Branch) else Leaf(t) for t in (true, false))


def node_attributes(trees, leaves):
    """The attributes nodes_* of a tree ensemble before opset 5, and those of its leaves, named by `leaves`."""
    names = "treeids nodeids featureids modes values truenodeids falsenodeids missing_value_tracks_true hitrates"
    nodes = {name: [] for name in names.split()}
    weights = {name: [] for name in ["treeids", "nodeids", "ids", "weights"]}

    def add(fields, row):
        for values, value in zip(fields.values(), row, strict=True):
            values.append(value)

    for index, root in enumerate(trees):
        order = [root]  # breadth first
        for tree in order:
            if isinstance(tree, Branch):
                order += [tree.true, tree.false]
        number = {id(tree): i for i, tree in enumerate(order)}
        for tree in order:
            at = number[id(tree)]
            if isinstance(tree, Leaf):
                add(nodes, [index, at, 0, "LEAF", 0.0, 0, 0, 0, 1.0])
                for target, weight in tree.weights.items():
                    add(weights, [index, at, target, float(weight)])
            else:
                ways = [number[id(tree.true)], number[id(tree.false)]]
                add(nodes, [index, at, tree.feature, tree.mode, float(tree.value), *ways, tree.missing, 1.0])
    return {f"nodes_{k}": v for k, v in nodes.items()} | {f"{leaves}_{k}": v for k, v in weights.items()}


def model(node, inputs, outputs, opset=3):
    values = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, inputs])]
    results = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs]
    graph = helper.make_graph([node], "trees", values, results)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="tree_models.py")


def regressor(trees, inputs=3, targets=1, **attributes):
    made = node_attributes(trees, "target") | {"n_targets": targets} | attributes
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", **made)
    return model(node, inputs, [("Y", TensorProto.FLOAT, [None, targets])])


def classifier(trees, classes, inputs=3, **attributes):
    made = node_attributes(trees, "class") | {"classlabels_int64s": classes} | attributes
    node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "scores"], domain="ai.onnx.ml", **made)
    outputs = [("label", TensorProto.INT64, [None]), ("scores", TensorProto.FLOAT, [None, len(classes)])]
    return model(node, inputs, outputs)


def modes_all():
    """Every mode, with a missing value going either way."""
    trees = [
        Branch(
            "BRANCH_LEQ",
            0,
            0.5,
            Branch("BRANCH_LT", 1, -0.25, 1, 2, missing=1),
            Branch("BRANCH_GTE", 2, 1, 3, 4),
            missing=1,
        ),
        Branch(
            "BRANCH_GT",
            1,
            0.75,
            Branch("BRANCH_EQ", 2, 2, 10, Branch("BRANCH_EQ", 2, 3, 20, 30, missing=1)),
            Branch("BRANCH_NEQ", 2, 1, 40, 50, missing=1),
        ),
        Branch("BRANCH_NEQ", 2, 0, 100, Branch("BRANCH_GT", 0, -1, 200, 300, missing=1)),
        Branch("BRANCH_GTE", 0, 0.5, 1000, 2000, missing=1),
    ]
    return regressor(trees, base_values=[0.125])


def nan_threshold():
    """A comparison with NaN is false, but for BRANCH_NEQ; a missing value still goes where it is told."""
    nan = float("nan")
    trees = [
        Branch("BRANCH_LEQ", 0, nan, 1, 2, missing=1),
        Branch("BRANCH_GT", 1, nan, 10, Branch("BRANCH_LEQ", 1, 0.5, 20, 30)),
        Branch("BRANCH_LT", 2, nan, 100, Branch("BRANCH_GTE", 2, nan, 200, 300, missing=1)),
    ]
    return regressor(trees)


def double_tensors():
    """Doubles throughout, in attributes named *_as_tensor, with a threshold that no float is equal to."""
    made = node_attributes([Branch("BRANCH_LEQ", 0, 0.1, 1 / 3, Branch("BRANCH_LEQ", 1, 0.7, 2 / 3, 4))], "target")
    for name in ["nodes_values", "nodes_hitrates", "target_weights"]:
        made[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(made.pop(name), np.float64), name)
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=1, **made)
    graph = model(node, 3, [("Y", TensorProto.FLOAT, [None, 1])])
    graph.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    return graph


ONE_WAY = Branch("BRANCH_LEQ", 0, 0, 0.3, Branch("BRANCH_LEQ", 1, 0.5, 0.6, 0.1))
TWO_WAY = Branch("BRANCH_LEQ", 0, 0, {0: 0.2, 1: 0.8}, Branch("BRANCH_LEQ", 1, 0.5, {0: 0.7, 1: 0.3}, {0: 1, 1: 0}))
THREE_WAY = [
    Branch("BRANCH_LEQ", 0, 0, {0: 1.5, 1: -0.5, 2: 0.25}, {0: -1, 1: 0.75, 2: 0.5}),
    Branch("BRANCH_LEQ", 1, 0.5, Branch("BRANCH_LEQ", 2, 1, {0: 0.5}, {1: 2}), {2: 1.25}, missing=1),
]
SPARSE = [  # leaves some classes at exactly 0
    Branch("BRANCH_LEQ", 0, 0, {0: 1.5}, {1: 0.75}),
    Branch("BRANCH_LEQ", 1, 0.5, Branch("BRANCH_LEQ", 2, 1, {0: 0.5}, {1: -2}), {2: 1.25}, missing=1),
]
UNIT = [  # adds up to values in (0, 1)
    Branch("BRANCH_LEQ", 0, 0, 0.125, 0.375),
    Branch("BRANCH_LEQ", 1, 0.5, Branch("BRANCH_LEQ", 2, 1, 0.0625, 0.25), 0.5, missing=1),
]
TWO_TARGETS = [
    Branch("BRANCH_LEQ", 0, 0, {0: 1, 1: 10}, {0: 2}),
    Branch("BRANCH_LEQ", 1, 0.5, Branch("BRANCH_LEQ", 2, 1, {1: 30}, {0: -4, 1: 40}), {0: 5}),
    Branch("BRANCH_LT", 2, 0, {0: 0.5}, {0: 0.25, 1: -7}, missing=1),
]


# Modes of the operator TreeEnsemble of opset 5.
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)


def float_tensor(name, values):
    return numpy_helper.from_array(np.array(values, np.float32), name)


def tree_ensemble(inputs=3, targets=1, **attributes):
    node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=targets, **attributes)
    return model(node, inputs, [("Y", TensorProto.FLOAT, [None, targets])], opset=5)


def v5_member(first, second, third):
    """Two trees that ask for sets of values: `first`, then `second` and, if in it, `third`."""
    return tree_ensemble(
        tree_roots=[0, 2],
        nodes_modes=numpy_helper.from_array(np.array([MEMBER, LEQ, MEMBER, MEMBER], np.uint8), "modes"),
        nodes_featureids=[2, 0, 2, 1],
        nodes_splits=float_tensor("splits", [0, 0.5, 0, 0]),
        nodes_truenodeids=[1, 0, 3, 3],
        nodes_falsenodeids=[2, 1, 5, 4],
        nodes_trueleafs=[0, 1, 0, 1],
        nodes_falseleafs=[1, 1, 1, 1],
        nodes_missing_value_tracks_true=[0, 1, 0, 1],
        membership_values=float_tensor("sets", [*first, np.nan, *second, np.nan, *third, np.nan]),
        leaf_targetids=[0] * 6,
        leaf_weights=float_tensor("weights", [1, 2, 3, 4, 10, 20]),
        aggregate_function=1,
        post_transform=0,
    )


def v5_modes():
    """Every mode but BRANCH_MEMBER, two targets, the trees' nodes interleaved."""
    return tree_ensemble(
        targets=2,
        tree_roots=[1, 0],
        nodes_modes=numpy_helper.from_array(np.array([GT, LEQ, EQ, LT, GTE, NEQ], np.uint8), "modes"),
        nodes_featureids=[1, 0, 2, 1, 2, 2],
        nodes_splits=float_tensor("splits", [0.75, 0.5, 2, -0.25, 1, 0]),
        nodes_truenodeids=[2, 3, 0, 2, 4, 6],
        nodes_falsenodeids=[5, 4, 1, 3, 5, 7],
        nodes_trueleafs=[0, 0, 1, 1, 1, 1],
        nodes_falseleafs=[0, 0, 1, 1, 1, 1],
        nodes_missing_value_tracks_true=[0, 1, 1, 0, 1, 0],
        leaf_targetids=[0, 1, 0, 1, 0, 1, 0, 1],
        leaf_weights=float_tensor("weights", [1, 2, 3, 4, 10, 20, 30, 40]),
        aggregate_function=1,
        post_transform=0,
    )


BY_HAND = {
    "modes-all": modes_all,
    "nan-threshold": nan_threshold,
    "softmax": lambda: classifier(THREE_WAY, [0, 1, 2], post_transform="SOFTMAX", base_values=[0.5, -0.25, 0.0]),
    "softmax-zero": lambda: classifier(SPARSE, [0, 1, 2], post_transform="SOFTMAX_ZERO"),
    "probit": lambda: regressor(UNIT, post_transform="PROBIT"),
    "average": lambda: regressor(TWO_TARGETS, targets=2, aggregate_function="AVERAGE", base_values=[0.5, -1.0]),
    "min": lambda: regressor(TWO_TARGETS, targets=2, aggregate_function="MIN"),
    "max": lambda: regressor(TWO_TARGETS, targets=2, aggregate_function="MAX"),
    # onnxruntime's label of two classes: by one score, whether it is over 0.5 if no weight is negative, even one
    # that post_transform changes; by two, 1 or 0 (no label of the model's), whether the second is over 0.
    "binary-positive": lambda: classifier([ONE_WAY], [10, 20], post_transform="LOGISTIC"),
    "binary-two-scores": lambda: classifier([TWO_WAY], [10, 20]),
    "v5-member": lambda: v5_member([1, 2, 9], [3], [1, 4, 30]),
    # Outside 1 to 32, onnxruntime drops the fraction of what it looks for, and onnx's own evaluator misses 0.
    "v5-member-wide": lambda: v5_member([1, 2, 9], [3, 40], [-1, 0, 40]),
    "double-tensors": double_tensors,
    "v5-modes": v5_modes,
}


def make(name):
    return BY_HAND[name]() if name in BY_HAND else FROM_LIBRARIES[name]()[2]


def main():
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or [*FROM_LIBRARIES, *BY_HAND]:
        graph = make(name)
        graph.opset_import.sort(key=lambda opset: opset.domain)  # some come in the order of a set
        onnx.checker.check_model(graph)
        data = graph.SerializeToString(deterministic=True)
        (folder / f"{name}.onnx").write_bytes(data)
        print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
