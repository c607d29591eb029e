"""Expected values of test/stats/ranking-metrics.test.ts and test/learners/ranking.test.ts, from scikit-learn and
LightGBM. Run with the packages of tree-models-requirements.txt: python ranking.py > ranking.json

Reciprocal ranks of tied rows are means over all their orders, counted one by one. Rows to learn from are made by the
same integers here and in the test, or are the movies of vega-datasets; only what LightGBM reaches on them is written.
"""
import itertools
import json
import pathlib
import warnings
import lightgbm
import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(20010102)


def reciprocal_rank(labels, p):
    """The mean over all orders in which equal predictions may stand."""
    blocks = [np.flatnonzero(p == value) for value in sorted(set(p), reverse=True)]
    before = 0
    for block in blocks:
        worth = labels[block] > 0
        if worth.any():
            orders = [1 / (before + 1 + order.index(True)) for order in itertools.permutations(worth.tolist())]
            return float(np.mean(orders))
        before += len(block)
    return 0.0


def measures(groups, labels, p):
    """Means over groups of two rows or more. A group in which nothing is worth anything counts 0, as scikit-learn's."""
    rows = [groups == g for g in sorted(set(groups)) if (groups == g).sum() > 1]
    mean = lambda value: float(np.mean([value(labels[of], p[of]) for of in rows])) if rows else None
    gain = lambda k: lambda y, s: m.ndcg_score([y], [s], k=k)
    return {
        "ndcg": mean(gain(None)),
        **{f"ndcg@{k}": mean(gain(k)) for k in (1, 3, 5, 10, 20, 50, 100)},
        "meanAveragePrecision": mean(lambda y, s: m.average_precision_score(y > 0, s) if (y > 0).any() else 0.0),
        "meanReciprocalRank": mean(reciprocal_rank),
    }


def ranking(sizes, decimals, worth=5):
    """Groups of so many rows, shuffled; the first is worth nothing at all."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = np.maximum(rng.integers(-2, worth, len(groups)), 0).astype(float)
    labels[groups == 0] = 0
    p = np.round(labels / 3 + rng.normal(0, 1, len(groups)), decimals)
    order = rng.permutation(len(groups))
    groups, labels, p = groups[order], labels[order], p[order]
    # A draw of a bootstrap: whole groups, some more than once, each copy a group of its own.
    counts = np.bincount(rng.integers(0, len(sizes), len(sizes)), minlength=len(sizes))
    copies = [(groups == g, i) for g in range(len(sizes)) for i in range(counts[g])]
    drawn = [np.concatenate([of[rows] for rows, _ in copies]) for of in (labels, p)]
    numbers = np.concatenate([np.full(rows.sum(), at) for at, (rows, _) in enumerate(copies)])
    return {"groups": groups.tolist(), "predictions": p.tolist(), "labels": labels.tolist(),
            "expected": measures(groups, labels, p), "counts": counts.tolist(), "drawn": measures(numbers, *drawn)}


def integers(seed):
    """Park & Miller's generator, as the test has it: from 0 to 1."""
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


def made(groups, seed):
    """Rows of groups of 4 to 31: five numbers, of which two matter, one only together with the group's own; grades 0 to 4."""
    draw = integers(seed)
    rows = []
    for group in range(groups):
        own = next(draw)
        for _ in range(4 + int(next(draw) * 28)):
            x = [next(draw) for _ in range(4)]
            noise = sum(next(draw) for _ in range(3)) - 1.5
            worth = 2 * x[0] + (1.5 if own > 0.5 else -1.5) * x[1] + np.sin(6 * x[2]) + 0.8 * noise
            rows.append((group, *x, own, min(4, max(0, int(np.floor(worth * 1.2))))))
    table = np.array(rows)
    return table[:, 0].astype(int), table[:, 1:6].astype(np.float32), table[:, 6]


def movies(part):
    """Movies of a year are a group; what they are worth is by their rating. Every fifth year tests, the next validates."""
    path = pathlib.Path(__file__).parents[2] / "node_modules/vega-datasets/data/movies.json"
    rows = []
    for movie in json.loads(path.read_text()):
        date, rating = movie["Release Date"], movie["IMDB Rating"]
        if rating is None or not isinstance(date, str):
            continue
        year = int(date.split(" ")[-1])
        if {0: "test", 1: "validation"}.get(year % 5, "train") != part:
            continue
        number = lambda name: np.nan if movie[name] is None else float(movie[name])
        features = [number(name) for name in (
            "US Gross", "Worldwide Gross", "Production Budget", "Running Time min", "IMDB Votes")]
        rows.append((year, *features, max(0, int(np.floor(rating)) - 4)))
    table = np.array(rows)
    return table[:, 0].astype(int), table[:, 1:6].astype(np.float32), table[:, 6]


def learned(train, test):
    """What LightGBM's lambdarank reaches with the trees that the test grows too."""
    order = lambda groups: np.argsort(groups, kind="stable")
    groups, x, y = train
    by = order(groups)
    data = lightgbm.Dataset(x[by], y[by], group=np.unique(groups, return_counts=True)[1], free_raw_data=False)
    model = lightgbm.train({
        "objective": "lambdarank", "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 20, "lambda_l2": 1,
        "min_sum_hessian_in_leaf": 0, "deterministic": True, "num_threads": 1, "verbose": -1, "seed": 1,
    }, data, 100)
    groups, x, y = test
    return measures(groups, y, model.predict(x))


print(json.dumps({
    "madeWith": f"scikit-learn {sklearn.__version__}, lightgbm {lightgbm.__version__}, numpy {np.__version__}",
    "metrics": [ranking([3, 10, 1, 25, 2], 6), ranking([4, 12, 30, 7], 0), ranking([2, 6, 8, 9, 1, 1, 5], 0, 2)],
    "lightgbm": {"made": learned(made(300, 1), made(150, 2)), "movies": learned(movies("train"), movies("test"))},
}))
