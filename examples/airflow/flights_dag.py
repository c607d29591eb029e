"""A DAG that trains every Monday, and tells what it made."""

import os

import pendulum
from airflow.sdk import dag, task
from slipway_operator import SlipwayRunOperator


@dag(schedule="0 3 * * 1", start_date=pendulum.datetime(2026, 1, 1), catchup=False)
def train_flights():
    trained = SlipwayRunOperator(
        task_id="train",
        pipeline=os.environ.get("PIPELINE", "flights"),
        project=os.environ.get("SLIPWAY_PROJECT"),
        arguments=["--as-of", "{{ ds }}"],
        retries=2,
    )

    @task
    def tell(run):
        print(f"run {run['run_id']} made version {run['model']['version']} of {run['model']['name']}")

    tell(trained.output)


train_flights()
