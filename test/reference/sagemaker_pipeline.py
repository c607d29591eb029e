"""Reads the definition of a pipeline from standard input, and writes the one that the SageMaker SDK makes of its parts."""

import json
import sys
from unittest.mock import MagicMock

from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline

kinds = {"Boolean": ParameterBoolean, "Float": ParameterFloat, "Integer": ParameterInteger, "String": ParameterString}
given = json.load(sys.stdin)
parameters = {
    each["Name"]: kinds[each["Type"]](name=each["Name"], default_value=each["DefaultValue"])
    for each in given["Parameters"]
}
(step,) = given["Steps"]
inputs = {
    name: parameters[value["Get"].removeprefix("Parameters.")] if isinstance(value, dict) else value
    for name, value in step["Arguments"].items()
}
outputs = [
    CallbackOutput(each["OutputName"], CallbackOutputTypeEnum[each["OutputType"]]) for each in step["OutputParameters"]
]
callback = CallbackStep(name=step["Name"], sqs_queue_url=step["SqsQueueUrl"], inputs=inputs, outputs=outputs)
pipeline = Pipeline(
    name="p", parameters=list(parameters.values()), steps=[callback], sagemaker_session=MagicMock()
)
print(pipeline.definition())
