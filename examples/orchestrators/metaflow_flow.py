"""Metaflow: a step that is a run of Slipway; its id is an artifact, and a run that fails fails the step."""

import os

from metaflow import FlowSpec, Parameter, step
from slipway_client import start_run


class TrainFlights(FlowSpec):
    pipeline = Parameter("pipeline", default="flights")

    @step
    def start(self):
        run = start_run(self.pipeline, project=os.environ.get("SLIPWAY_PROJECT"))
        self.run_id = run.run_id
        self.model = run.wait()["model"]
        self.next(self.end)

    @step
    def end(self):
        print(f"run {self.run_id} made version {self.model['version']}")


if __name__ == "__main__":
    TrainFlights()
