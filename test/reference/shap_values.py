"""Shapley values of trees by the shap package, for test/explain/shap.test.ts.

Trees of LightGBM, XGBoost and scikit-learn are written as plain nodes (test, children, default direction, rows or
Hessians that passed, leaf values) beside what shap says of some rows: by the path-dependent game, and against
background rows. No converter stands between the two.

    python -m venv v && v/bin/pip install shap==0.51.0 lightgbm==4.7.0 xgboost==3.2.0 scikit-learn==1.9.1
    v/bin/python test/reference/shap_values.py > test/reference/shap_values.json
"""

import json
import warnings

import lightgbm as lgb
import numpy as np
import shap
import xgboost as xgb
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
ROWS, SHOWN, BACKGROUND = 600, 12, 15


def table(missing):
    # A coarse grid: float32 and float64 agree on every comparison.
    x = np.round(rng.normal(size=(ROWS, 6)) * 64) / 64
    if missing:
        x[rng.random(x.shape) < 0.15] = np.nan
    known = np.nan_to_num(x)
    y = known[:, 0] + np.sin(2 * known[:, 1]) * known[:, 2] + (known[:, 3] > 0.5) * known[:, 4] + rng.normal(size=ROWS) / 4
    return x, y


def light(node):
    if "leaf_value" in node:
        return {"value": [node["leaf_value"]], "cover": node.get("leaf_count", ROWS)}
    made = {"feature": node["split_feature"], "cover": node["internal_count"], "missing": node["default_left"]}
    if node["decision_type"] == "==":
        made["members"] = [int(each) for each in node["threshold"].split("||")]
        made["missing"] = False
    else:
        made["mode"], made["threshold"] = "BRANCH_LEQ", node["threshold"]
    return {**made, "yes": light(node["left_child"]), "no": light(node["right_child"])}


def lightgbm(booster):
    return [light(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]


def boosted(node):
    if "leaf" in node:
        return {"value": [node["leaf"]], "cover": node["cover"]}
    children = {child["nodeid"]: child for child in node["children"]}
    return {
        "feature": int(node["split"][1:]),
        "cover": node["cover"],
        "missing": node["missing"] == node["yes"],
        "mode": "BRANCH_LT",
        "threshold": node["split_condition"],
        "yes": boosted(children[node["yes"]]),
        "no": boosted(children[node["no"]]),
    }


def grown(tree, at=0):
    if tree.children_left[at] < 0:
        value = tree.value[at][0]
        return {"value": value.tolist(), "cover": tree.weighted_n_node_samples[at]}
    return {
        "feature": int(tree.feature[at]),
        "cover": tree.weighted_n_node_samples[at],
        "missing": bool(tree.missing_go_to_left[at]),
        "mode": "BRANCH_LEQ",
        "threshold": tree.threshold[at],
        "yes": grown(tree, tree.children_left[at]),
        "no": grown(tree, tree.children_right[at]),
    }


def explained(name, model, trees, x, divisor=1, background=True):
    """[rows, outputs, features] of parts and [outputs] of expected values."""

    def told(explainer):
        parts = np.asarray(explainer.shap_values(x[:SHOWN]))
        parts = parts[:, None, :] if parts.ndim == 2 else np.moveaxis(parts, 2, 1)
        return {"expected": np.ravel(explainer.expected_value).tolist(), "parts": parts.tolist()}

    others = x[-BACKGROUND:]
    return {
        "name": name,
        "trees": trees,
        "divisor": divisor,
        "rows": x[:SHOWN].tolist(),
        "path": told(shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")),
        **(
            {"background": others.tolist(), "interventional": told(shap.TreeExplainer(model, others))}
            if background
            else {}
        ),
    }


def cases():
    params = {"num_leaves": 12, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "seed": 1}
    x, y = table(missing=True)
    model = lgb.train({**params, "objective": "regression", "boost_from_average": False}, lgb.Dataset(x, y), 8)
    yield explained("LightGBM, missing values", model, lightgbm(model), x)
    x, y = table(missing=False)
    model = lgb.train({**params, "objective": "binary"}, lgb.Dataset(x, y > 0.3), 8)
    yield explained("LightGBM, log odds", model, lightgbm(model), x)
    x[:, 5] = rng.integers(0, 12, size=ROWS)
    y = y + np.isin(x[:, 5], [1, 4, 7, 11]) * 2 - np.isin(x[:, 5], [2, 3]) * 1.5
    model = lgb.train(
        {**params, "objective": "regression", "min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 1},
        lgb.Dataset(x, y, categorical_feature=[5]),
        8,
    )
    yield explained("LightGBM, sets of categories", model, lightgbm(model), x, background=False)
    x, y = table(missing=True)
    data = xgb.DMatrix(x, y)
    model = xgb.train({"max_depth": 4, "base_score": 0, "nthread": 1, "seed": 1}, data, 8)
    trees = [boosted(json.loads(tree)) for tree in model.get_dump(with_stats=True, dump_format="json")]
    yield explained("XGBoost, missing values", model, trees, x)
    x, y = table(missing=False)
    x = x.astype(np.float32).astype(float)
    model = RandomForestRegressor(6, max_depth=5, random_state=1, n_jobs=1).fit(x, y)
    yield explained("scikit-learn's forest", model, [grown(each.tree_) for each in model.estimators_], x, divisor=6)
    model = RandomForestClassifier(5, max_depth=4, random_state=1, n_jobs=1).fit(x, np.digitize(y, [-0.7, 0.7]))
    yield explained(
        "scikit-learn's forest of three classes", model, [grown(each.tree_) for each in model.estimators_], x, divisor=5
    )


def rounded(value):
    if isinstance(value, float):
        return None if np.isnan(value) else float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return {key: rounded(each) for key, each in value.items()} if isinstance(value, dict) else value


print(json.dumps([rounded(case) for case in cases()], separators=(",", ":")))
