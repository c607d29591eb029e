"""Score a parquet file with an ONNX model, using Spark on this machine (two cores) and onnxruntime.

Spark reads the row groups as tasks, hands them to its Python workers as pandas frames (mapInPandas), and
writes a directory of parquet files. A worker loads the model once and scores on one thread.

The last line printed is a JSON document: seconds (all work, with the start of Spark, without imports),
rows, megabytes (the peaks of the driver, the JVM and the Python workers, added up). The line before it
says how many of these seconds passed before Spark was up.
"""

import argparse
import functools
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

TEXTS = ["origin", "destination"]
SCHEMA = "date timestamp_ntz, distance long, origin string, destination string, prediction float"
NULL = "\0"  # stands for a missing text
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.files.maxPartitionBytes": "1m",  # a task for each row group, not two uneven halves
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
    "spark.sql.parquet.compression.codec": "zstd",
}


@functools.cache
def load(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score(model, frames):
    """Each frame with its predictions."""
    session = load(model)
    for frame in frames:
        minutes = frame["date"].to_numpy().astype("datetime64[m]").astype(np.int64)
        days = minutes // 1440
        features = {
            "hour": ((minutes - days * 1440) / 60).astype(np.float32),
            "weekday": np.fmod(days + 4, 7).astype(np.float32),
            "distance": frame["distance"].to_numpy(np.float32),
        }
        for name in TEXTS:
            features[name] = frame[name].fillna(NULL).to_numpy(object)
        feed = {name: values.reshape(-1, 1) for name, values in features.items()}
        yield frame.assign(prediction=session.run(["probabilities"], feed)[0][:, 1])


def start_spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else workers run the first python3 of PATH
    builder = SparkSession.builder.master("local[2]").appName("score")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    # Workers import this file as a module: they keep `load`'s cache from task to task.
    spark.sparkContext.addPyFile(__file__)
    return spark


def work(spark, model, source, target):
    import spark_score

    rows = spark.read.parquet(source).select("date", "distance", *TEXTS)
    scored = rows.mapInPandas(lambda frames: spark_score.score(model, frames), SCHEMA)
    scored.write.mode("overwrite").parquet(target)
    return sum(pq.read_metadata(part).num_rows for part in Path(target).glob("*.parquet"))


def peak_megabytes(root):
    """The peak resident memory of a process and all its descendants, each at its own peak."""
    facts = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            facts[int(path.parent.name)] = dict(line.split(":", 1) for line in path.read_text().splitlines())
        except OSError:
            continue  # has ended
    family = {root}
    while more := {pid for pid, fact in facts.items() if int(fact["PPid"]) in family} - family:
        family |= more
    return sum(int(facts[pid].get("VmHWM", "0 kB").split()[0]) for pid in family) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--model", "--input", "--output"]:
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    start = time.perf_counter()
    spark = start_spark()
    print(f"Spark was up after {time.perf_counter() - start:.3f} s")
    rows = work(spark, os.path.abspath(args.model), args.input, args.output)
    seconds = time.perf_counter() - start
    megabytes = peak_megabytes(os.getpid())
    spark.stop()
    print(json.dumps({"seconds": round(seconds, 3), "rows": rows, "megabytes": round(megabytes, 1)}))


if __name__ == "__main__":
    main()
