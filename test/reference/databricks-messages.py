"""Prints what MLflow's own protobuf descriptors say of requests to Databricks and answers: python databricks-messages.py

`endpoints` by method and path below /api/2.0, with the names of both messages; `messages` with their fields: a type, and
whether it is repeated or, by MLflow's own option `validate_required`, required; `enums` with their values.
"""

import json

from mlflow.protos import (
    databricks_artifacts_pb2,
    databricks_filesystem_service_pb2,
    databricks_pb2,
    databricks_uc_registry_service_pb2,
    service_pb2,
)

TRACKING = """createExperiment getExperiment getExperimentByName createRun getRun updateRun searchRuns setTag deleteTag logBatch
logMetric logParam listArtifacts""".split()
KINDS = {"STRING": "string", "BOOL": "bool", "DOUBLE": "number", "FLOAT": "number", "BYTES": "string"}

endpoints, messages, enums = {}, {}, {}


def take(message):
    if message.full_name in messages:
        return
    messages[message.full_name] = fields = {}
    for field in message.fields:
        if field.message_type is not None:
            kind = field.message_type.full_name
            take(field.message_type)
        elif field.enum_type is not None:
            kind = field.enum_type.full_name
            enums[kind] = [value.name for value in field.enum_type.values]
        else:
            name = next(key[5:] for key, value in vars(type(field)).items() if key.startswith("TYPE_") and value == field.type)
            kind = KINDS.get(name, "int")
        fields[field.name] = {
            "kind": kind,
            **({"repeated": True} if field.is_repeated else {}),
            **({"required": True} if field.GetOptions().Extensions[databricks_pb2.validate_required] else {}),
        }


def serve(service, wanted=None):
    for method in service.methods:
        if wanted is not None and method.name not in wanted:
            continue
        response = method.input_type.nested_types_by_name.get("Response", method.output_type)
        for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
            if endpoint.since.major != 2 or "{" in endpoint.path or "preview" in endpoint.path:
                continue
            take(method.input_type)
            take(response)
            endpoints[f"{endpoint.method} {endpoint.path}"] = {"in": method.input_type.full_name, "out": response.full_name}


serve(service_pb2.DESCRIPTOR.services_by_name["MlflowService"], TRACKING)
serve(databricks_uc_registry_service_pb2.DESCRIPTOR.services_by_name["UcModelRegistryService"])
serve(databricks_artifacts_pb2.DESCRIPTOR.services_by_name["DatabricksMlflowArtifactsService"])
serve(databricks_filesystem_service_pb2.DESCRIPTOR.services_by_name["FilesystemService"])
take(databricks_filesystem_service_pb2.ListDirectoryResponse.DESCRIPTOR)
print(json.dumps({"endpoints": endpoints, "messages": messages, "enums": enums}, indent=1, sort_keys=True))
