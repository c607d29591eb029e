/*
 * TensorFlow Serving over gRPC. Names and numbers are those of its own files (github.com/tensorflow/serving,
 * tensorflow_serving/apis; github.com/tensorflow/tensorflow, tensorflow/core), for they are what goes over the wire; of
 * large messages only the fields that are read or filled are here, and those who know more read the rest as unset.
 */

/** What protobuf brings itself. */
const wellKnownProto = `syntax = "proto3";
package google.protobuf;

message Int64Value { int64 value = 1; }
// A message of a type that its address names.
message Any { string type_url = 1; bytes value = 2; }
`

const tensorflowProto = `syntax = "proto3";
package tensorflow;

enum DataType {
  DT_INVALID = 0;
  DT_FLOAT = 1;
  DT_DOUBLE = 2;
  DT_INT32 = 3;
  DT_UINT8 = 4;
  DT_INT16 = 5;
  DT_INT8 = 6;
  DT_STRING = 7;
  DT_COMPLEX64 = 8;
  DT_INT64 = 9;
  DT_BOOL = 10;
  DT_QINT8 = 11;
  DT_QUINT8 = 12;
  DT_QINT32 = 13;
  DT_BFLOAT16 = 14;
  DT_QINT16 = 15;
  DT_QUINT16 = 16;
  DT_UINT16 = 17;
  DT_COMPLEX128 = 18;
  DT_HALF = 19;
  DT_RESOURCE = 20;
  DT_VARIANT = 21;
  DT_UINT32 = 22;
  DT_UINT64 = 23;
}

message TensorShapeProto {
  message Dim { int64 size = 1; string name = 2; }
  repeated Dim dim = 2;
  bool unknown_rank = 3;
}

// Elements, row-major: as bytes in tensor_content, or in the field that the type has.
message TensorProto {
  DataType dtype = 1;
  TensorShapeProto tensor_shape = 2;
  bytes tensor_content = 4;
  repeated float float_val = 5;
  repeated double double_val = 6;
  // Those of up to 32 bits, but for uint32.
  repeated int32 int_val = 7;
  repeated bytes string_val = 8;
  repeated int64 int64_val = 10;
  repeated bool bool_val = 11;
  // The bits of half and bfloat16.
  repeated int32 half_val = 13;
  repeated uint32 uint32_val = 16;
  repeated uint64 uint64_val = 17;
}

message TensorInfo {
  string name = 1;
  DataType dtype = 2;
  TensorShapeProto tensor_shape = 3;
}
message SignatureDef {
  map<string, TensorInfo> inputs = 1;
  map<string, TensorInfo> outputs = 2;
  string method_name = 3;
}

// A row.
message BytesList { repeated bytes value = 1; }
message FloatList { repeated float value = 1; }
message Int64List { repeated int64 value = 1; }
message Feature {
  oneof kind {
    BytesList bytes_list = 1;
    FloatList float_list = 2;
    Int64List int64_list = 3;
  }
}
message Features { map<string, Feature> feature = 1; }
message Example { Features features = 1; }
`

const servingProto = `syntax = "proto3";
package tensorflow.serving;

service PredictionService {
  rpc Classify(ClassificationRequest) returns (ClassificationResponse) {}
  rpc Regress(RegressionRequest) returns (RegressionResponse) {}
  rpc Predict(PredictRequest) returns (PredictResponse) {}
  rpc MultiInference(MultiInferenceRequest) returns (MultiInferenceResponse) {}
  rpc GetModelMetadata(GetModelMetadataRequest) returns (GetModelMetadataResponse) {}
}
service ModelService {
  rpc GetModelStatus(GetModelStatusRequest) returns (GetModelStatusResponse) {}
  rpc HandleReloadConfigRequest(ReloadConfigRequest) returns (ReloadConfigResponse) {}
}

// An endpoint, and maybe a version of it, by its number or by what it is to the endpoint.
message ModelSpec {
  string name = 1;
  oneof version_choice {
    google.protobuf.Int64Value version = 2;
    string version_label = 4;
  }
  string signature_name = 3;
}

message PredictRequest {
  ModelSpec model_spec = 1;
  map<string, TensorProto> inputs = 2;
  // Names of outputs; without any all are meant.
  repeated string output_filter = 3;
}
message PredictResponse {
  map<string, TensorProto> outputs = 1;
  ModelSpec model_spec = 2;
}

message ExampleList { repeated Example examples = 1; }
message ExampleListWithContext {
  repeated Example examples = 1;
  // What all examples have in common.
  Example context = 2;
}
message Input {
  oneof kind {
    ExampleList example_list = 1;
    ExampleListWithContext example_list_with_context = 2;
  }
}

message ClassificationRequest { ModelSpec model_spec = 1; Input input = 2; }
message Class { string label = 1; float score = 2; }
message Classifications { repeated Class classes = 1; }
message ClassificationResult { repeated Classifications classifications = 1; }
message ClassificationResponse { ClassificationResult result = 1; ModelSpec model_spec = 2; }

message RegressionRequest { ModelSpec model_spec = 1; Input input = 2; }
message Regression { float value = 1; }
message RegressionResult { repeated Regression regressions = 1; }
message RegressionResponse { RegressionResult result = 1; ModelSpec model_spec = 2; }

message InferenceTask { ModelSpec model_spec = 1; string method_name = 2; }
message MultiInferenceRequest { repeated InferenceTask tasks = 1; Input input = 2; }
message InferenceResult {
  ModelSpec model_spec = 1;
  oneof result {
    ClassificationResult classification_result = 2;
    RegressionResult regression_result = 3;
  }
}
message MultiInferenceResponse { repeated InferenceResult results = 1; }

message GetModelMetadataRequest { ModelSpec model_spec = 1; repeated string metadata_field = 2; }
message SignatureDefMap { map<string, SignatureDef> signature_def = 1; }
message GetModelMetadataResponse {
  ModelSpec model_spec = 1;
  map<string, google.protobuf.Any> metadata = 2;
}

message GetModelStatusRequest { ModelSpec model_spec = 1; }
// Its codes are gRPC's, 0 for none.
message StatusProto { int32 error_code = 1; string error_message = 2; }
message ModelVersionStatus {
  enum State {
    UNKNOWN = 0;
    START = 10;
    LOADING = 20;
    AVAILABLE = 30;
    UNLOADING = 40;
    END = 50;
  }
  int64 version = 1;
  State state = 2;
  StatusProto status = 3;
}
message GetModelStatusResponse { repeated ModelVersionStatus model_version_status = 1; }

message ReloadConfigRequest {}
message ReloadConfigResponse { StatusProto status = 1; }
`

/** A file a package, each behind those that it needs. */
export const tfServingProtos: readonly string[] = [wellKnownProto, tensorflowProto, servingProto]
