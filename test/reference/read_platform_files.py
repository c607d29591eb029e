"""Reads a folder of files for Azure ML and Vertex AI as their own packages do, and prints what they understood."""

import json
import pathlib
import sys

from azure.ai.ml import load_online_deployment, load_online_endpoint
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format

folder = pathlib.Path(sys.argv[1])


def strictly(name, message):
    """A body as its message: a field that is not in it is an error."""
    return json_format.ParseDict(json.loads((folder / name).read_text()), message.pb()())


endpoint = load_online_endpoint(folder / "endpoint.yaml")
deployment = load_online_deployment(folder / "deployment-v4.yaml")
config = deployment.environment.inference_config
model = strictly("model-4.json", types.UploadModelRequest).model
print(
    json.dumps(
        {
            "traffic": endpoint.traffic,
            "mirror_traffic": endpoint.mirror_traffic,
            "deployment": [deployment.name, deployment.endpoint_name, deployment.environment.image],
            "scoring": dict(config["scoringRoute"]),
            "split": dict(strictly("endpoint.json", types.Endpoint).traffic_split),
            "deployed": strictly("deployed-model-4.json", types.DeployedModel).id,
            "predict": [model.container_spec.predict_route, model.container_spec.ports[0].container_port],
        }
    )
)
