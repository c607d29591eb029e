#!/usr/bin/env python3
"""Rebuilds events by the classes of OpenLineage's Python client, and says whether it would send the very same.

  openlineage_events.py EVENTS.ndjson

A field that a class does not have, a value that its checks refuse, or another schema is an error. Prints 'ok' for each
event; exits 1 at the first that differs.
"""
import json
import sys
from uuid import UUID

from openlineage.client import event_v2, facet_v2, serde
from openlineage.client.facet_v2 import (
    data_quality_metrics_input_dataset as quality,
    dataset_version_dataset,
    datasource_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    schema_dataset,
)

facet_v2.set_producer("urn:slipway")
event_v2.set_producer("urn:slipway")
KINDS = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "dataSource": datasource_dataset.DatasourceDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "dataQualityMetrics": quality.DataQualityMetricsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
}


def facets(given):
    out = {}
    for name, value in (given or {}).items():
        own = {k: v for k, v in value.items() if not k.startswith("_")}
        if name == "schema":
            own["fields"] = [schema_dataset.SchemaDatasetFacetFields(**f) for f in own["fields"]]
        if name == "dataQualityMetrics":
            own["columnMetrics"] = {k: quality.ColumnMetrics(**v) for k, v in own["columnMetrics"].items()}
        out[name] = KINDS[name](**own)
    return out


def dataset(kind, more, given):
    own = {"facets": facets(given["facets"])}
    if more in given:
        own[more] = facets(given[more])
    return kind(namespace=given["namespace"], name=given["name"], **own)


def bare(value):
    """Without what is empty: the client writes empty lists and facets, or leaves them out."""
    if isinstance(value, dict):
        return {k: b for k, v in value.items() if (b := bare(v)) not in ({}, [], None)}
    return [bare(v) for v in value] if isinstance(value, list) else value


for line in open(sys.argv[1], encoding="utf-8"):
    given = json.loads(line)
    UUID(given["run"]["runId"])
    event = event_v2.RunEvent(
        eventType=event_v2.RunState[given["eventType"]],
        eventTime=given["eventTime"],
        run=event_v2.Run(runId=given["run"]["runId"], facets=facets(given["run"]["facets"])),
        job=event_v2.Job(
            namespace=given["job"]["namespace"], name=given["job"]["name"], facets=facets(given["job"]["facets"])
        ),
        inputs=[dataset(event_v2.InputDataset, "inputFacets", d) for d in given["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, "outputFacets", d) for d in given["outputs"]],
    )
    theirs = json.loads(serde.Serde.to_json(event))
    if bare(theirs) != bare(given):
        print("FAIL", given["eventType"], json.dumps(bare(theirs)), json.dumps(bare(given)), sep="\n")
        sys.exit(1)
    print("ok", given["eventType"])
