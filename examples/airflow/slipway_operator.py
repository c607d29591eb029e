"""An Airflow operator that starts a run, follows it, and fails as it does."""

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from slipway_client import SlipwayError, Unreachable, start_run


class SlipwayRunOperator(BaseOperator):
    template_fields = ("pipeline", "settings", "arguments")

    def __init__(self, *, pipeline, project=None, settings=None, arguments=(), **task):
        super().__init__(**task)
        self.pipeline, self.project, self.settings, self.arguments = pipeline, project, settings, arguments
        self.run = None

    def execute(self, context):
        try:
            self.run = start_run(self.pipeline, project=self.project, set=self.settings, arguments=self.arguments)
            context["ti"].xcom_push(key="run_id", value=self.run.run_id)
            return {"run_id": self.run.run_id, "model": self.run.wait()["model"]}
        except SlipwayError as error:
            # A failed gate is no better the next time: only what may pass by itself is tried again.
            kind = AirflowException if isinstance(error, Unreachable) else AirflowFailException
            raise kind(f"{error} (exit code {error.exit_code}, run {error.run_id})") from error

    def on_kill(self):
        if self.run is not None:
            self.run.cancel()
