"""Scores what `slipway export python <model>` writes, with ONNX Runtime and without a gateway."""

import base64
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import NotVerified, RequestInvalid, TrainingFailed

if TYPE_CHECKING:
    import numpy as np

#: What stands for a missing text: no category is called so.
_missing_text = "\uffff"
#: Of an answer, or of 1 where that is larger: what another processor's arithmetic may differ by.
_tolerance = 1e-5


def load(folder: str, *, exact: bool = False) -> "Model":
    """Reads a folder, and makes sure that it answers here as a gateway does.

    :param exact: to the last bit, instead of to 1e-5 (`Model.exact` says which holds)
    :raises NotVerified: where a file is not what the manifest says
    :raises TrainingFailed: PARITY, where it answers otherwise
    """
    return Model(folder, exact=exact)


class Model:
    """A model that takes features: what makes features of rows is JavaScript, and stays with Slipway's gateways."""

    def __init__(self, folder: str, *, exact: bool = False) -> None:
        import numpy as np
        import onnxruntime  # type: ignore[import-untyped, unused-ignore]

        manifest = json.loads(_read(folder, "manifest.json"))
        if manifest.get("slipway") != "python-folder/1":
            raise NotVerified("DIGEST_MISMATCH", f"{folder} is no folder that `slipway export python` wrote")
        files = {name: _verified(folder, name, file) for name, file in manifest["files"].items()}
        self.name: str = manifest["model"]
        self.version: int = manifest["version"]
        #: Digest of its package: what gateways send as x-model-digest.
        self.digest: str = manifest["package"]
        self._facts: Mapping[str, Any] = manifest["facts"]
        self.task: str = self._facts["task"]
        self.features: List[str] = [feature["name"] for feature in self._facts["features"]]
        #: Of several answers a row: what they are called.
        self.outputs: Optional[List[str]] = self._facts.get("outputs")
        self._crosses = [_Cross(cross) for cross in json.loads(files.get("crosses.json", b"[]"))]
        options = onnxruntime.SessionOptions()
        # With more threads, sums of tree leaves depend on how they were shared.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            files["model.onnx"], options, providers=["CPUExecutionProvider"]
        )
        probe = json.loads(files["probe.json"])
        kind = np.float64 if self._facts.get("answers") == "float64" else np.float32
        expected = np.frombuffer(base64.b64decode(probe["answers"]), kind)
        given = self.predict(probe["features"]).reshape(-1)
        #: Whether it repeats a gateway's answers to the last bit.
        self.exact: bool = given.tobytes() == expected.tobytes()
        near = given.shape == expected.shape and np.allclose(given, expected, _tolerance, _tolerance, equal_nan=True)
        if not near or (exact and not self.exact):
            raise TrainingFailed("PARITY", f"{self.name} answers otherwise here than where it was exported")

    def predict(self, features: Any) -> "np.ndarray[Any, Any]":
        """Answers in the order of the rows: a number each, of yes/no models the probability of yes; of several
        answers (`outputs`) a row of them each.

        :param features: columns by name, a list of dicts, or a pandas frame; None and NaN are missing
        :raises RequestInvalid: where a feature is missing or cannot be read
        """
        import numpy as np

        made = self._made(features)
        feeds: Dict[str, Any] = {}
        for feature in self._facts["features"]:
            values = made[feature["name"]]
            if feature["kind"] == "category":
                texts = [_missing_text if text is None or "\0" in text else text for text in values]
                feeds[feature["name"]] = np.asarray(texts, dtype=object).reshape(-1, 1)
                continue
            numbers = np.asarray(values)
            if feature.get("offset") is not None:
                numbers = numbers - feature["offset"]
            feeds[feature["name"]] = numbers.astype(np.float64 if feature.get("exact") else np.float32).reshape(-1, 1)
        for cross in self._crosses:
            feeds[cross.name] = np.asarray(cross.values(made), dtype=np.float32).reshape(-1, 1)
        of_classes = self.task in ("binary", "multiclass")
        (answers,) = self._session.run(["probabilities" if of_classes else "prediction"], feeds)
        if self.outputs is not None:
            return np.asarray(answers).reshape(-1, len(self.outputs))
        return np.ascontiguousarray(np.asarray(answers).reshape(-1, 2 if self.task == "binary" else 1)[:, -1])

    def labels(self, answers: "np.ndarray[Any, Any]") -> List[str]:
        """Of several classes the likeliest of each row."""
        if self.task != "multiclass" or self.outputs is None:
            raise RequestInvalid("REQUEST_INVALID", f"{self.name} has no classes: its task is {self.task}")
        return [self.outputs[int(i)] for i in answers.argmax(axis=1)]

    def _made(self, features: Any) -> Dict[str, Sequence[Any]]:
        """Columns as a gateway makes them: float32, or float64 where the model says so; texts, or None."""
        import numpy as np

        columns = _columns(features)
        absent = [name for name in self.features if name not in columns]
        if absent:
            raise RequestInvalid(
                "REQUEST_INVALID",
                f"no columns {', '.join(absent)}: this model takes features, which Slipway makes of rows",
                next="ask its gateway about rows, or make the features as its feature function does",
            )
        made: Dict[str, Sequence[Any]] = {}
        for feature in self._facts["features"]:
            name, column = feature["name"], columns[feature["name"]]
            if feature["kind"] == "category":
                made[name] = [_text(value, name) for value in column]
                continue
            wide = feature.get("exact") is True or feature.get("offset") is not None
            numbers: Any = _numbers(column, name).astype(np.float64 if wide else np.float32)
            if np.isinf(numbers).any():
                raise RequestInvalid("REQUEST_INVALID", f"feature {name} is infinite")
            if feature.get("whole") and not (numbers == np.round(numbers)).all():
                raise RequestInvalid("REQUEST_INVALID", f"feature {name} takes whole numbers, none of them missing")
            made[name] = numbers
        lengths = {len(column) for column in made.values()}
        if len(lengths) > 1:
            raise RequestInvalid("REQUEST_INVALID", f"columns have {sorted(lengths)} rows, not as many each")
        return made


class _Cross:
    """A number for each combination of some features: `crosses.json`."""

    def __init__(self, cross: Mapping[str, Any]) -> None:
        self.name: str = cross["name"]
        self._of: List[str] = cross["of"]
        self._prior: float = cross["prior"]
        self._cells: Dict[Tuple[Any, ...], float] = {tuple(parts): value for parts, value in cross["cells"]}

    def values(self, made: Mapping[str, Sequence[Any]]) -> List[float]:
        columns = [[_part(value) for value in made[name]] for name in self._of]
        return [self._cells.get(key, self._prior) for key in zip(*columns)]


def _part(value: Any) -> Any:
    """As `crosses.json` has it: a text, a number, or nothing."""
    if value is None or isinstance(value, str):
        return value
    return None if value != value else float(value)


def _columns(features: Any) -> Mapping[str, Any]:
    if isinstance(features, Mapping):
        return features
    if hasattr(features, "columns"):
        return {str(name): features[name] for name in features.columns}
    rows = list(features)
    if any(not isinstance(row, Mapping) for row in rows):
        raise RequestInvalid("REQUEST_INVALID", "features are columns by name, dicts, or a frame")
    names = {name for row in rows for name in row}
    return {name: [row.get(name) for row in rows] for name in names}


def _numbers(column: Any, name: str) -> "np.ndarray[Any, Any]":
    import numpy as np

    try:
        values = [_number(value) for value in column]
    except (TypeError, ValueError) as error:
        raise RequestInvalid("REQUEST_INVALID", f"feature {name} takes numbers: {error}") from error
    return np.asarray(values, dtype=np.float64)


def _number(value: Any) -> float:
    if value is None or type(value).__name__ == "NAType":
        return float("nan")
    if isinstance(value, str):
        raise TypeError(f"got {value!r}")
    return float(value)


def _text(value: Any, name: str) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    if type(value).__name__ == "NAType" or value != value:
        return None
    raise RequestInvalid("REQUEST_INVALID", f"feature {name} takes texts, got {value!r}")


def _read(folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise NotVerified("OBJECT_MISSING", f"{folder} has no {name}") from error


def _verified(folder: str, name: str, file: Mapping[str, Any]) -> bytes:
    data = _read(folder, name)
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != file["digest"]:
        raise NotVerified("DIGEST_MISMATCH", f"{name} of {folder} is not what its manifest says")
    return data
