"""Serves an example of examples/python and asks it: python python_serving.py bentoml|ray FEATURES PORT"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

framework, features, port = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])


def post(path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def until_ready(path, process):
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60)
            return
        except OSError:
            if process.poll() is not None:
                sys.exit(f"bentoml ended with {process.returncode}")
            time.sleep(0.3)


def asked_by_bentoml():
    address = ["--host", "127.0.0.1", "--port", str(port)]
    command = [os.path.join(os.path.dirname(sys.executable), "bentoml"), "serve", "bentoml_service:Risk", *address]
    process = subprocess.Popen(command, cwd=os.environ["EXAMPLES"], stdout=sys.stderr)
    try:
        until_ready("/readyz", process)
        return post("/predict", {"features": features}), post("/predict", {"features": [{"income": 1}]})
    finally:
        process.terminate()
        process.wait()


def asked_by_ray():
    import ray
    from ray import serve

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        from ray_serve_app import app

        serve.run(app)
        return post("/", features), post("/", [{"income": 1}])
    finally:
        serve.shutdown()
        ray.shutdown()


good, lacking = asked_by_bentoml() if framework == "bentoml" else asked_by_ray()
print(json.dumps({"good": good, "lacking": lacking}))
