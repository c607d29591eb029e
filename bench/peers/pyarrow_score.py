"""Score a parquet file with an ONNX model, using pyarrow, onnxruntime and numpy.

A row group at a time is read with its text dictionary-encoded. Two threads make the features of
slices of it and score them; onnxruntime releases the interpreter's lock, so both cores work. The main
thread meanwhile reads ahead and writes finished row groups in order.

The model's LabelEncoder nodes are cut out of the graph in memory: each distinct text is looked up once
for a row group, and its float code is fed instead of the string. Predictions stay the same to the bit.

The last line printed is a JSON document: seconds (all work, without imports), rows, megabytes (peak).
"""

import argparse
import json
import resource
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["origin", "destination"]
COLUMNS = ["date", "distance", *TEXTS]
THREADS = 2
SLICE = 20_000  # rows scored by one call
AHEAD = 3  # row groups read and not yet written
NULL = "\0"  # stands for a missing text


def cut_label_encoders(path):
    """The model without its LabelEncoder nodes, and what they did: {input: (float code of a text, default)}."""
    model = onnx.load(path)
    graph = model.graph
    encoders = {}
    for node in [node for node in graph.node if node.op_type == "LabelEncoder"]:
        made = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        codes = dict(zip((key.decode() for key in made["keys_strings"]), made["values_floats"]))
        encoders[node.input[0]] = codes, made["default_float"]
        for later in graph.node:
            later.input[:] = [node.input[0] if name == node.output[0] else name for name in later.input]
        graph.node.remove(node)
    for value in graph.input:
        if value.name in encoders:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return model.SerializeToString(), encoders


def start_session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def encode(column, encoder):
    """The float codes of a dictionary-encoded column, which may hold nulls."""
    codes, default = encoder
    table = [codes.get(text, default) for text in [*column.dictionary.to_pylist(), NULL]]
    indices = column.indices.fill_null(len(table) - 1)
    return np.array(table, np.float32)[indices.to_numpy()]


def score(session, encoders, rows):
    """The predictions of a record batch."""
    minutes = rows["date"].to_numpy(zero_copy_only=False).astype("datetime64[m]").astype(np.int64)
    days = minutes // 1440
    features = {
        "hour": ((minutes - days * 1440) / 60).astype(np.float32),
        "weekday": np.fmod(days + 4, 7).astype(np.float32),
        "distance": rows["distance"].to_numpy(zero_copy_only=False).astype(np.float32),
    }
    for name in TEXTS:
        features[name] = encode(rows[name], encoders[name])
    feed = {name: values.reshape(-1, 1) for name, values in features.items()}
    return session.run(["probabilities"], feed)[0][:, 1]


def work(model, source, target):
    graph, encoders = cut_label_encoders(model)
    session = start_session(graph)
    file = pq.ParquetFile(source, read_dictionary=TEXTS)
    fields = [file.schema_arrow.field(name) for name in COLUMNS]
    schema = pa.schema([*fields, pa.field("prediction", pa.float32())])
    groups = deque()
    with ThreadPoolExecutor(THREADS) as pool, pq.ParquetWriter(target, schema, compression="zstd") as writer:

        def write_oldest():
            table, parts = groups.popleft()
            predictions = np.concatenate([part.result() for part in parts])
            writer.write_table(table.append_column(schema.field("prediction"), pa.array(predictions)))

        for index in range(file.num_row_groups):
            if len(groups) == AHEAD:
                write_oldest()
            table = file.read_row_group(index, columns=COLUMNS, use_threads=False)
            parts = [pool.submit(score, session, encoders, rows) for rows in table.to_batches(SLICE)]
            groups.append((table, parts))
        while groups:
            write_oldest()
    return file.metadata.num_rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--model", "--input", "--output"]:
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    start = time.perf_counter()
    rows = work(args.model, args.input, args.output)
    seconds = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 3), "rows": rows, "megabytes": round(megabytes, 1)}))


if __name__ == "__main__":
    main()
