"""Score rows with a LightGBM model by onnxruntime, LightGBM itself, lleaves and TL2cgen (compiled by gcc).

The rows are float32s, row after row, with the label last. With --train a model is trained on them first and
written as text and as ONNX. Each engine predicts all of them, a batch at a time, once to warm up and
then five times. What is compared is the best of the five; making or compiling the model is not counted.

The last line printed is a JSON document: of each engine the rows a second (and a second of CPU time), the
seconds it took to make it ready, and how far its predictions are from LightGBM's at most.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import lightgbm as lgb
import lleaves
import numpy as np
import onnxruntime as ort
import tl2cgen
import treelite
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

RUNS = 5


def to_onnx(path, features):
    booster = lgb.Booster(model_file=path)
    return convert_lightgbm(booster, initial_types=[("X", FloatTensorType([None, features]))], zipmap=False)


def train(args, rows, labels):
    trees, leaves = args.train
    params = {"objective": "binary", "num_leaves": leaves, "num_threads": 2, "seed": 1, "verbose": -1}
    lgb.train(params, lgb.Dataset(rows, labels), trees).save_model(args.model)
    Path(args.onnx).write_bytes(to_onnx(args.model, rows.shape[1]).SerializeToString())


def onnxruntime(path, features, threads, folder):
    graph = to_onnx(path, features)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[-1].name  # after the label, if there is one
    return lambda rows: session.run([output], {"X": rows})[0][:, -1]


def lightgbm(path, features, threads, folder):
    booster = lgb.Booster(model_file=path)
    return lambda rows: booster.predict(rows, num_threads=threads)


def compiled_by_lleaves(path, features, threads, folder):
    model = lleaves.Model(model_file=path)
    model.compile()
    return lambda rows: model.predict(rows, n_jobs=threads)


def compiled_by_tl2cgen(path, features, threads, folder):
    library = str(Path(folder) / "trees.so")
    params = {"parallel_comp": os.cpu_count(), "verbose": 0}
    tl2cgen.export_lib(treelite.frontend.load_lightgbm_model(path), "gcc", library, params, nthread=os.cpu_count())
    predictor = tl2cgen.Predictor(library, nthread=threads)
    return lambda rows: predictor.predict(tl2cgen.DMatrix(rows, dtype="float32")).reshape(len(rows))


ENGINES = {
    "onnxruntime": onnxruntime,
    "lightgbm": lightgbm,
    "lleaves": compiled_by_lleaves,
    "tl2cgen": compiled_by_tl2cgen,
}


def predict_all(predict, rows, batch):
    return np.concatenate([predict(rows[at : at + batch]) for at in range(0, len(rows), batch)])


def measure(make, args, rows):
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        predict = make(args.model, rows.shape[1], args.threads, folder)
        ready = time.perf_counter() - start
        batch = args.batch or len(rows)
        predictions = predict_all(predict, rows, batch)
        seconds, cpu = [], []
        for _ in range(RUNS):
            start, cpu_start = time.perf_counter(), time.process_time()
            predict_all(predict, rows, batch)
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
    return predictions, {
        "rowsPerSecond": round(len(rows) / min(seconds)),
        "rowsPerCpuSecond": round(len(rows) / min(cpu)),
        "readySeconds": round(ready, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="LightGBM's text model, of one score a row")
    parser.add_argument("--rows", required=True)
    parser.add_argument("--columns", type=int, required=True, help="features and the label")
    parser.add_argument("--train", type=int, nargs=2, metavar=("TREES", "LEAVES"))
    parser.add_argument("--onnx", help="where to write the model as ONNX")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="rows of a call; all by default")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    args = parser.parse_args()
    table = np.fromfile(args.rows, np.float32).reshape(-1, args.columns)
    rows = np.ascontiguousarray(table[:, :-1])
    if args.train:
        train(args, rows, table[:, -1])
    expected = lgb.Booster(model_file=args.model).predict(rows)
    results = {}
    for name in args.engines:
        predictions, results[name] = measure(ENGINES[name], args, rows)
        results[name]["largestDifference"] = float(np.abs(predictions - expected).max())
    print(json.dumps({"rows": len(rows), "threads": args.threads, "batch": args.batch or len(rows), **results}))


if __name__ == "__main__":
    main()
