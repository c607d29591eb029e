"""Scores exported models: python python_bundle.py FILE.json, of [{ folder, features }]; prints what came of it."""

import json
import os
import shutil
import sys
import tempfile

import numpy as np
import pandas as pd
import slipway_client as slipway


def failure(call):
    try:
        call()
    except slipway.SlipwayError as error:
        return {"kind": type(error).__name__, "code": error.code, "is": error.message}
    return None


def changed(folder, name, edit):
    """A copy of a folder with another text in a file, loaded."""
    with tempfile.TemporaryDirectory() as place:
        copy = os.path.join(place, "copy")
        shutil.copytree(folder, copy)
        with open(os.path.join(copy, name), "rb") as file:
            data = file.read()
        with open(os.path.join(copy, name), "wb") as file:
            file.write(edit(data))
        return failure(lambda: slipway.load(copy))


def tried(folder, features):
    model = slipway.load(folder)
    answers = model.predict(features)
    names = list(features)
    records = [dict(zip(names, values)) for values in zip(*(features[name] for name in names))]
    frame = pd.DataFrame({name: pd.Series(column) for name, column in features.items()})
    one = np.concatenate([model.predict([record]) for record in records[:20]])
    missing = {name: column for name, column in features.items() if name != names[-1]}
    number = next(name for name in names if not any(isinstance(value, str) for value in features[name]))
    return {
        "model": [model.name, model.version, model.digest, model.task, model.outputs, model.features],
        "exact": model.exact,
        "answers": [float(value) for value in answers.reshape(-1)],
        "records": bool(np.array_equal(model.predict(records), answers)),
        "frame": bool(np.array_equal(model.predict(frame), answers)),
        "one by one": bool(np.array_equal(one, answers[:20])),
        "labels": model.labels(answers)[:5] if model.task == "multiclass" else None,
        "none": list(model.predict({name: [] for name in names}).shape),
        "missing": failure(lambda: model.predict(missing)),
        "text": failure(lambda: model.predict({**features, number: ["ten"] * len(records)})),
        "infinite": failure(lambda: model.predict({**features, number: [float("inf")] * len(records)})),
        "lengths": failure(lambda: model.predict({**features, number: [1.0]})),
        "torn": changed(folder, "model.onnx", lambda data: data[:-1]),
        "other": changed(folder, "manifest.json", lambda data: data.replace(b"python-folder/1", b"python-folder/9")),
    }


with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps([tried(**each) for each in json.load(file)]))
