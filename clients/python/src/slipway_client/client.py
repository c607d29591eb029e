"""Asks a gateway, over one connection a thread that is kept."""

import datetime
import http.client
import json
import os
import random
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import quote, unquote, urlsplit

from .errors import DeadlineExceeded, SlipwayError, Unreachable, code_of_status, error_class
from .rows import body_of, json_value, records_of

#: A label: 0, 1, True, False; the name of a class; a number; several by name.
LabelValue = Union[int, float, str, bool, Sequence[float], Mapping[str, float]]


@dataclass(frozen=True)
class Label:
    """What came of a prediction: by the id of its request (and the row in it, from 0), or by a key."""

    label: LabelValue
    request_id: Optional[str] = None
    row: Optional[int] = None
    key: Optional[Union[str, int, float]] = None
    #: When it became known: a datetime, or milliseconds since 1970; now by default.
    at: Optional[Any] = None
    endpoint: Optional[str] = None

    def document(self) -> Dict[str, Any]:
        at: Any = self.at
        if isinstance(at, datetime.datetime):
            # Without a zone it is UTC, as in rows.
            at = int((at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)).timestamp() * 1000)
        given = {"requestId": self.request_id, "row": self.row, "key": self.key, "at": at, "endpoint": self.endpoint}
        sent = {name: json_value(value, name) for name, value in given.items() if value is not None}
        label = self.label if isinstance(self.label, (list, tuple, Mapping)) else json_value(self.label, "label")
        return {**sent, "label": label}


@dataclass(frozen=True)
class Prediction(Sequence[Any]):
    """Answers in the order of the rows, and who gave them.

    An answer is a number (of a yes/no model the probability of yes), or a dict: of several classes `label` and
    `probabilities`, of several numbers each by name, `answer` where a function of the pipeline answers.
    """

    values: List[Any]
    endpoint: str
    request_id: str
    model: str
    version: int
    digest: str
    #: champion, candidate, fallback or pinned
    role: str
    #: Names that were sent and that the model does not know.
    ignored: List[str] = field(default_factory=list)
    #: Where they were asked for.
    explanations: Optional[Mapping[str, Any]] = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: Any) -> Any:
        return self.values[i]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def label(self, label: LabelValue, row: Optional[int] = None, at: Optional[Any] = None) -> Label:
        """What came of it (of several rows: of which, from 0), for `Slipway.feedback`."""
        return Label(label, request_id=self.request_id, row=row, at=at, endpoint=self.endpoint)


class Slipway:
    """A gateway, or what balances over several.

    Every call is tried again on 503, as `Retry-After` says, and when its connection breaks: predictions and labels
    may be sent twice. It may be shared by threads.

    :param token: the bearer token, where the gateway wants one; by default SLIPWAY_GATEWAY_TOKEN
    :param timeout: seconds for a call, its retries included
    :param retries: more attempts after the first
    :param sticky: the request header by which a rollout keeps a user with a version: its `sticky`
    """

    def __init__(
        self,
        url: str,
        *,
        token: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 3,
        sticky: Optional[str] = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a gateway: http://host:port")
        self.url = url.rstrip("/")
        self._parts = parts
        self._base = parts.path.rstrip("/")
        self._token = token if token is not None else os.environ.get("SLIPWAY_GATEWAY_TOKEN")
        self._timeout = timeout
        self._retries = retries
        self._sticky = sticky
        self._local = threading.local()

    def predict(
        self,
        endpoint: str,
        rows: Any,
        *,
        version: Optional[int] = None,
        user: Optional[str] = None,
        request_id: Optional[str] = None,
        explain: bool = False,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Prediction:
        """Predictions for rows: dicts, one dict, or a pandas frame.

        :param version: this one, whatever is served
        :param user: value of the sticky header
        :param request_id: by which labels find the prediction; made up where there is none
        :raises RequestInvalid, NotFound, FeaturesFailed, Overloaded, Unreachable: and others of SlipwayError
        """
        if user is not None and self._sticky is None:
            raise ValueError("user needs the header of the rollout: Slipway(url, sticky='x-user')")
        pinned = "" if version is None else f"/versions/{version}"
        body: Dict[str, Any] = {"instances": records_of(rows)}
        if explain:
            body["explain"] = True
        sent = {"x-request-id": request_id or str(uuid.uuid4()), **(headers or {})}
        if user is not None and self._sticky is not None:
            sent[self._sticky] = str(user)
        answer, given = self._ask("POST", f"/v1/models/{quote(endpoint, safe='')}{pinned}:predict", body, sent)
        return Prediction(
            values=answer["predictions"],
            endpoint=endpoint,
            request_id=given.get("x-request-id", sent["x-request-id"]),
            model=given.get("x-model-name", ""),
            version=int(given.get("x-model-version", 0)),
            digest=given.get("x-model-digest", ""),
            role=given.get("x-slipway-role", ""),
            ignored=[unquote(name.strip()) for name in given.get("x-slipway-ignored", "").split(",") if name.strip()],
            explanations=answer.get("explanations"),
            headers=given,
        )

    def feedback(self, *labels: Label) -> int:
        """Sends labels; how many were taken. They are on the gateway's disk when this returns."""
        if len(labels) == 0:
            return 0
        answer, _ = self._ask("POST", "/feedback", [label.document() for label in labels], {})
        return int(answer["accepted"])

    def is_ready(self) -> bool:
        """Whether the gateway answers and serves what it should."""
        try:
            self._send("GET", "/v2/health/ready", None, {}, self._timeout)
            return True
        except SlipwayError:
            return False

    def close(self) -> None:
        """Closes the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None

    def __enter__(self) -> "Slipway":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Tuple[Any, Mapping[str, str]]:
        """Tries until there is an answer, no attempt is left, or there is no time for another."""
        until = time.monotonic() + self._timeout
        packed = body_of(body)
        for left in range(self._retries, -1, -1):
            try:
                return self._send(method, path, packed, headers, until - time.monotonic())
            except Unreachable as error:
                pause = _pause(error, self._retries - left)
                if left == 0 or isinstance(error, DeadlineExceeded) or time.monotonic() + pause >= until:
                    raise
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _send(
        self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str], timeout: float
    ) -> Tuple[Any, Mapping[str, str]]:
        sent = {"accept": "application/json", "x-request-timeout-ms": str(max(1, int(timeout * 1000))), **headers}
        if body is not None:
            sent["content-type"] = "application/json"
        if self._token is not None:
            sent["authorization"] = f"Bearer {self._token}"
        request_id = headers.get("x-request-id")
        connection = self._connection(timeout)
        try:
            connection.request(method, f"{self._base}{path}", body, sent)
            response = connection.getresponse()
            text = response.read()
        except socket.timeout as error:
            self.close()
            raise DeadlineExceeded(
                "DEADLINE_EXCEEDED", f"{self.url} did not answer in {timeout:.3g} s", request_id=request_id
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(
                "GATEWAY_UNREACHABLE",
                f"{self.url}: {str(error) or type(error).__name__}",
                next="see whether a gateway runs there",
                request_id=request_id,
            ) from error
        given = {name.lower(): value for name, value in response.getheaders()}
        if given.get("connection", "").lower() == "close":
            self.close()
        if response.status >= 300:
            raise _error(response.status, given, text)
        return _json(text), given

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        connection: Optional[http.client.HTTPConnection] = getattr(self._local, "connection", None)
        timeout = max(timeout, 0.001)
        if connection is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._parts.hostname or "", self._parts.port, timeout=timeout)
            self._local.connection = connection
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection


def _pause(error: Unreachable, attempt: int) -> float:
    """Seconds before the next attempt: as the gateway says, or growing; some more by chance, so that not all come
    at once."""
    usual = 0.05 * 2.0**attempt if error.retry_after is None else error.retry_after
    return usual * (1 + random.random() / 4)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise Unreachable("GATEWAY_UNREACHABLE", f"no JSON came, but {text[:60]!r}") from error


def _error(status: int, headers: Mapping[str, str], text: bytes) -> SlipwayError:
    code = headers.get("x-slipway-error") or code_of_status.get(status, "INTERNAL")
    try:
        given = json.loads(text)
        message = str(given.get("error") or given.get("message") or given)
    except (ValueError, AttributeError):
        message = text[:200].decode("utf-8", "replace") or f"status {status}"
    kind = error_class(code, 2 if 400 <= status < 500 else 1)
    error = kind(code, message, status=status, request_id=headers.get("x-request-id"))
    after = headers.get("retry-after", "")
    if isinstance(error, Unreachable):
        error.retry_after = float(after) if after.replace(".", "", 1).isdigit() else None
    return error

