"""A Kubeflow component that starts a run, follows it, and ends as it does; the image has Slipway and the project."""

from typing import NamedTuple

from kfp import dsl


@dsl.component(base_image="python:3.11")
def slipway_run(pipeline: str, arguments: list = []) -> NamedTuple("Outputs", run_id=str, version=int):
    from typing import NamedTuple

    from slipway_client import SlipwayError, start_run

    try:
        run = start_run(pipeline, arguments=arguments)
        document = run.wait()
    except SlipwayError as error:
        print(error, flush=True)
        raise SystemExit(error.exit_code)
    version = document["model"]["version"] if document["model"] else 0
    return NamedTuple("Outputs", run_id=str, version=int)(run.run_id, version)


@dsl.pipeline(name="train-flights")
def train_flights(pipeline: str = "flights") -> int:
    # Settings as texts: numbers in lists and dicts reach components as floats.
    trained = slipway_run(pipeline=pipeline, arguments=["--set", "trees=20"])
    return trained.outputs["version"]
