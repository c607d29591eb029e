#!/usr/bin/env python3
"""Writes tfs-messages.json: messages of TensorFlow Serving as its own stubs encode them, in hex.

  tfs_messages.py > tfs-messages.json      (packages of tfs-requirements.txt)

Tensors are 20, -5, 33.25 (33 of whole numbers, 5 of unsigned ones) in every way that TensorFlow can write them.
"""
import json

import numpy as np

from tfs_stubs import (
    classification_pb2,
    example_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
    types_pb2,
)


def hexed(message):
    return message.SerializeToString(deterministic=True).hex()


def predict(dtype, shape=(3,), content=None, field=None, values=(), name="temp", more=lambda request: None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "opt"
    tensor = request.inputs[name]
    tensor.dtype = types_pb2.DataType.Value(dtype)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    if content is not None:
        tensor.tensor_content = content
    if field is not None:
        getattr(tensor, field).extend(values)
    more(request)
    return hexed(request)


def varints(texts):
    """The lengths first, then the texts (tensor_coding.cc, EncodeStringList); all lengths here are below 128."""
    return bytes(len(t) for t in texts) + b"".join(texts)


signed, unsigned = [20, -5, 33], [20, 5, 33]
numpy_of = {
    "DT_FLOAT": (np.float32, [20, -5, 33.25], "float_val"),
    "DT_DOUBLE": (np.float64, [20, -5, 33.25], "double_val"),
    "DT_HALF": (np.float16, [20, -5, 33.25], "half_val"),
    "DT_INT8": (np.int8, signed, "int_val"),
    "DT_INT16": (np.int16, signed, "int_val"),
    "DT_INT32": (np.int32, signed, "int_val"),
    "DT_INT64": (np.int64, signed, "int64_val"),
    "DT_UINT8": (np.uint8, unsigned, "int_val"),
    "DT_UINT16": (np.uint16, unsigned, "int_val"),
    "DT_UINT32": (np.uint32, unsigned, "uint32_val"),
    "DT_UINT64": (np.uint64, unsigned, "uint64_val"),
}
dtypes = {}
for dtype, (kind, values, field) in numpy_of.items():
    array = np.array(values, dtype=kind)
    plain = array.view(np.uint16).tolist() if dtype == "DT_HALF" else array.tolist()
    dtypes[dtype] = {
        "values": values,
        "content": predict(dtype, content=array.tobytes()),
        "field": predict(dtype, field=field, values=plain),
    }
# bfloat16 is the upper half of a float32.
upper = (np.array([20, -5, 33.25], np.float32).view(np.uint32) >> 16).astype(np.uint16)
dtypes["DT_BFLOAT16"] = {
    "values": [20, -5, 33.25],
    "content": predict("DT_BFLOAT16", content=upper.tobytes()),
    "field": predict("DT_BFLOAT16", field="half_val", values=upper.tolist()),
}

cities = [b"Oslo", b"Rome", "Zürich".encode()]
texts = {
    "content": predict("DT_STRING", content=varints(cities), name="city"),
    "field": predict("DT_STRING", field="string_val", values=cities, name="city"),
}

repeated = {
    "one for all": [[7.5, 7.5, 7.5], predict("DT_DOUBLE", field="double_val", values=[7.5])],
    "the last for the rest": [[1, 7.5, 7.5], predict("DT_DOUBLE", field="double_val", values=[1, 7.5])],
    "none is zero": [[0, 0, 0], predict("DT_DOUBLE")],
    "none is zero, of whole numbers": [[0, 0, 0], predict("DT_INT64")],
}


def example(**features):
    made = example_pb2.Example()
    for name, value in features.items():
        feature = made.features.feature[name]
        values = value if isinstance(value, list) else [value]
        if all(isinstance(v, bytes) for v in values):
            feature.bytes_list.value.extend(values)
        elif all(isinstance(v, int) for v in values):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return made


def examples(kind, rows, context=None, name="opt"):
    request = kind()
    request.model_spec.name = name
    made = request.input.example_list if context is None else request.input.example_list_with_context
    made.examples.extend(rows)
    if context is not None:
        made.context.CopyFrom(context)
    return hexed(request)


rows = [example(temp=20, city=b"Oslo"), example(temp=-5, city=b"Rome"), example(temp=33.25, city=b"Bern")]
regress = {
    "alone": examples(regression_pb2.RegressionRequest, rows),
    "with a context": examples(
        regression_pb2.RegressionRequest, [example(temp=20), example(temp=-5, city=b"Rome")], example(city=b"Oslo")
    ),
    "no value": examples(regression_pb2.RegressionRequest, [example(temp=[], city=b"Oslo")]),
    "several values": examples(regression_pb2.RegressionRequest, [example(temp=[1.5, 2.5], city=b"Oslo")]),
    "no text": examples(regression_pb2.RegressionRequest, [example(temp=1.5, city=b"\xff")]),
}
classify = examples(classification_pb2.ClassificationRequest, rows)


def specified(kind, name="opt", version=None, label=None, signature=None, **fields):
    request = kind(**fields)
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    if signature is not None:
        request.model_spec.signature_name = signature
    return hexed(request)


metadata, status = get_model_metadata_pb2.GetModelMetadataRequest, get_model_status_pb2.GetModelStatusRequest
print(
    json.dumps(
        {
            "dtypes": dtypes,
            "texts": texts,
            "repeated": repeated,
            "regress": regress,
            "classify": classify,
            "metadata": specified(metadata, metadata_field=["signature_def"]),
            "metadata of a version": specified(metadata, version=1, metadata_field=["signature_def"]),
            "other metadata": specified(metadata, metadata_field=["weights"]),
            "no metadata": specified(metadata),
            "status": specified(status),
            "status of a version": specified(status, version=1),
            "status of version 0": specified(status, version=0),
            "status of a label": specified(status, label="champion"),
            "status of a version that is not there": specified(status, version=7),
            "status of a label that is not there": specified(status, label="candidate"),
            "status of nobody": specified(status, name="nobody"),
            "status without a name": specified(status, name=""),
        },
        indent=1,
        ensure_ascii=False,
    )
)
