#!/usr/bin/env python3
"""Checks Kubernetes resources by the schemas of custom resource definitions, strictly: what they do not name is wrong.

  crd_shapes.py RESOURCES.yaml CRD.yaml...

Prints 'ok <kind>/<name>' or 'FAIL <kind>/<name>: where: why' for each resource; exits 1 when any is wrong.
"""
import sys

import jsonschema
import yaml


def strict(schema):
    """The same schema, refusing fields that it does not name, as strict validation of an API server does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: strict(v) for k, v in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            out["additionalProperties"] = False
    return out


schemas = {}
for path in sys.argv[2:]:
    for crd in yaml.safe_load_all(open(path, encoding="utf-8")):
        if not crd or crd.get("kind") != "CustomResourceDefinition":
            continue
        for version in crd["spec"]["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"].setdefault("metadata", {})
            schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
            schemas[f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]] = schema

failed = False
for resource in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")):
    name = f"{resource['kind']}/{resource['metadata']['name']}"
    validator = jsonschema.Draft202012Validator(schemas[resource["apiVersion"], resource["kind"]])
    errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(resource)]
    failed = failed or bool(errors)
    print(f"FAIL {name}: {'; '.join(errors)}" if errors else f"ok {name}")
sys.exit(1 if failed else 0)
