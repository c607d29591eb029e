"""Asks an example of examples/python by its framework's own test client: python python_apps.py NAME ROW FEATURES"""

import importlib
import json
import sys

framework, row, features = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
app = importlib.import_module(f"{framework}_app")


def fastapi(path, body):
    from fastapi.testclient import TestClient

    answer = TestClient(app.app).post(path, json=body)
    return answer.status_code, answer.json()


def flask(path, body):
    answer = app.app.test_client().post(path, json=body)
    return answer.status_code, answer.get_json()


def django(path, body):
    from django.conf import settings
    from django.test import Client

    if not settings.configured:
        import django

        settings.configure(ROOT_URLCONF="django_app", ALLOWED_HOSTS=["testserver"], SECRET_KEY="of a test")
        django.setup()
    answer = Client().post(path, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


post = {"fastapi": fastapi, "flask": flask, "django": django}[framework]
print(
    json.dumps(
        {
            "asked": post("/risk", [row]),
            "here": post("/risk-here", features),
            "refused": post("/risk", [{**row, "age": "forty"}]),
            "lacking": post("/risk-here", [{"income": 1}]),
        }
    )
)
