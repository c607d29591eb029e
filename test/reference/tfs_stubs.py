"""TensorFlow Serving's stubs without TensorFlow: of its messages one file is in no package of its own, and is said here."""
import sys
import types

from google.protobuf import descriptor_pb2, descriptor_pool

_file = descriptor_pb2.FileDescriptorProto(
    name="tensorflow/tsl/protobuf/error_codes.proto", package="tensorflow.error", syntax="proto3"
)
_codes = _file.enum_type.add(name="Code")
for _name, _number in (("OK", 0), ("INVALID_ARGUMENT", 3), ("NOT_FOUND", 5)):
    _codes.value.add(name=_name, number=_number)
descriptor_pool.Default().AddSerializedFile(_file.SerializeToString())
for _name in ("tensorflow.tsl", "tensorflow.tsl.protobuf", "tensorflow.tsl.protobuf.error_codes_pb2"):
    sys.modules[_name] = types.ModuleType(_name)
sys.modules["tensorflow.tsl.protobuf.error_codes_pb2"]._CODE = descriptor_pool.Default().FindEnumTypeByName("tensorflow.error.Code")

from tensorflow.core.example import example_pb2, feature_pb2  # noqa: E402
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
