#!/usr/bin/env bash
# NDCG of one and the same ranking, where rows have equal scores and one group has nothing to find, by four libraries
# that all call it so. Equal scores: scikit-learn takes the mean over their orders, CatBoost the worst order, LightGBM
# and XGBoost the order in which the rows stand in the table, so that a model that answers one constant is perfect
# (1.0) in a table that is sorted by relevance, as exports of judgements often are. (Trees of few leaves give equal
# scores, and early stopping looks at this number.) A group without any gain counts 0 in scikit-learn and 1 in the
# three others; XGBoost's "ndcg@k-" counts 0. Gains are 2^label - 1 in LightGBM and XGBoost, the label in the others.
# What to do: shuffle rows within their groups before anything is judged by it; compare models by one library.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  lightgbm==4.7.0 catboost==1.2.10 scikit-learn==1.9.1 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import catboost, lightgbm, numpy as np, sklearn, xgboost
from catboost.utils import eval_metric
from sklearn.metrics import ndcg_score

def by_all(labels, scores, groups):
    labels, scores, groups = (np.asarray(each, float) for each in (labels, scores, groups))
    sizes = [int((groups == group).sum()) for group in np.unique(groups)]
    each = [groups == group for group in np.unique(groups)]
    # Both are asked for the metric of given scores: one round at a rate of nothing, begun from those scores.
    table = xgboost.DMatrix(np.zeros((len(labels), 1)), labels, qid=groups.astype(int))
    table.set_base_margin(scores)
    booster = xgboost.train({"objective": "rank:ndcg", "eval_metric": ["ndcg@4", "ndcg@4-"], "learning_rate": 0.0,
                             "nthread": 1}, table, 1)
    told = [float(part.split(":")[-1]) for part in booster.eval(table).split("\t")[1:]]
    dataset = lightgbm.Dataset(np.arange(len(labels), dtype=float)[:, None], labels, group=sizes, init_score=scores)
    record = {}
    lightgbm.train({"objective": "lambdarank", "metric": "ndcg", "eval_at": [4], "verbose": -1, "num_leaves": 2,
                    "learning_rate": 1e-300, "min_data_in_leaf": 1, "num_threads": 1}, dataset, 1,
                   valid_sets=[dataset], callbacks=[lightgbm.record_evaluation(record)])
    return {
        "scikit-learn": np.mean([ndcg_score([labels[rows]], [scores[rows]], k=4) for rows in each]),
        "CatBoost": eval_metric(labels, scores, "NDCG:top=4", group_id=groups.astype(int))[0],
        "LightGBM": float(record["training"]["ndcg@4"][0]), "XGBoost": told[0], "XGBoost, ndcg@4-": told[1],
    }

print(f"scikit-learn {sklearn.__version__}, CatBoost {catboost.__version__},",
      f"LightGBM {lightgbm.__version__}, XGBoost {xgboost.__version__}")
def show(what, answers):
    print(f"{what}: " + ", ".join(f"{name} {value:.3f}" for name, value in answers.items()))
    return answers
best = show("one score for all, the relevant row stands first", by_all([1, 0, 0, 0], [0] * 4, [0] * 4))
worst = show("one score for all, the relevant row stands last", by_all([0, 0, 0, 1], [0] * 4, [0] * 4))
empty = show("a perfect group and one without any gain", by_all([1, 0, 0, 0, 0, 0], [3, 2, 1, 3, 2, 1], [0] * 3 + [1] * 3))
near = lambda value, wanted: abs(value - wanted) < 1e-3
ok = (all(near(best[name], 1) and near(worst[name], 0.4307) for name in ("LightGBM", "XGBoost"))
      and all(near(each["CatBoost"], 0.4307) and near(each["scikit-learn"], 0.6404) for each in (best, worst))
      and all(near(empty[name], 1) for name in ("CatBoost", "LightGBM", "XGBoost"))
      and all(near(empty[name], 0.5) for name in ("scikit-learn", "XGBoost, ndcg@4-")))
sys.exit(not ok)
PYTHON
