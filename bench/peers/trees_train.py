"""Train LightGBM: 200 trees of 31 leaves, two threads; of several classes so many rounds. Rows are float32s: <name>.rows.f32 row
after row, <name>.labels.f32.

The last line printed is a JSON document: seconds and cpuSeconds (binning and training, without imports and
reading), peakRssMb (of the whole process) and the area under the curve on the test rows, or of several
classes their log loss.
"""

import argparse
import json
import resource
import time

import lightgbm as lgb
import numpy as np

TREES = 200
PARAMS = {
    "objective": "binary",
    "num_leaves": 31,
    "learning_rate": 0.1,
    "max_bin": 255,
    "num_threads": 2,
    "deterministic": True,
    "force_col_wise": True,  # deterministic needs the choice to be made
    "seed": 1,
    "verbose": -1,
}


def area_under_curve(labels, scores):
    """The chance that a row of label 1 scores higher than one of label 0."""
    _, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2  # rows of equal scores share a rank
    positive = labels > 0
    ones = positive.sum()
    return (middle[ranks][positive].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones))


def read(name, features):
    rows = np.fromfile(f"{name}.rows.f32", np.float32).reshape(-1, features)
    return rows, np.fromfile(f"{name}.labels.f32", np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--features", type=int, required=True, help="how many")
    parser.add_argument("--categorical", type=int, nargs="*", default=[], help="indices of columns")
    parser.add_argument("--classes", type=int, default=0, help="how many, of a multiclass task")
    parser.add_argument("--trees", type=int, default=TREES)
    args = parser.parse_args()
    features, labels = read(args.train, args.features)
    params = PARAMS | ({"objective": "multiclass", "num_class": args.classes} if args.classes else {})
    start, cpu = time.perf_counter(), time.process_time()
    data = lgb.Dataset(features, labels, categorical_feature=args.categorical, params=params)
    booster = lgb.train(params, data, args.trees)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {
        "rows": len(features),
        "seconds": round(seconds, 3),
        "cpuSeconds": round(cpu, 3),
        "peakRssMb": round(peak, 1),
    }
    test, test_labels = read(args.test, args.features)
    predicted = booster.predict(test)
    if args.classes:
        own = predicted[np.arange(len(test)), test_labels.astype(int)]
        result["logLoss"] = round(float(-np.log(own).mean()), 6)
    else:
        result["auc"] = round(float(area_under_curve(test_labels, predicted)), 6)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
