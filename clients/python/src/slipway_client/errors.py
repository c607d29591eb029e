"""Slipway's errors: a class for each exit code, and for what callers of a gateway tell apart."""

from typing import Dict, Optional, Type


class SlipwayError(Exception):
    """What Slipway refused or could not do.

    `code` is stable, and listed in docs/cli.md; `next` says what to do; `status` is the gateway's (0 without one).
    """

    exit_code = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        next: Optional[str] = None,
        status: int = 0,
        request_id: Optional[str] = None,
        run_id: Optional[str] = None,
        step: Optional[str] = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.next = next
        self.status = status
        self.request_id = request_id
        self.run_id = run_id
        self.step = step


class InternalFault(SlipwayError):
    """A fault in Slipway."""


class Invalid(SlipwayError):
    """The definition, the command line or the request is invalid."""

    exit_code = 2


class RequestInvalid(Invalid):
    """Rows, features or labels break their contract: the message says which value."""


class NotFound(Invalid):
    """There is no such endpoint, version, model or run."""


class Unauthorized(Invalid):
    """The gateway wants another bearer token."""


class RequestTooLarge(Invalid):
    """More bytes than the gateway takes: send fewer rows."""


class WouldRun(SlipwayError):
    """A run would do something, where `plan` was asked to say so by its exit code."""

    exit_code = 3


class DataContractBroken(SlipwayError):
    exit_code = 10


class TrainingFailed(SlipwayError):
    exit_code = 11


class FeaturesFailed(TrainingFailed):
    """The model's own feature code does not take these rows."""


class GateFailed(SlipwayError):
    exit_code = 12


class Rejected(SlipwayError):
    exit_code = 13


class RolledBack(SlipwayError):
    exit_code = 14


class NothingDecided(SlipwayError):
    exit_code = 15


class NotVerified(SlipwayError):
    exit_code = 16


class DriftFound(SlipwayError):
    exit_code = 17


class BadRows(SlipwayError):
    exit_code = 18


class Unreachable(SlipwayError):
    """A gateway, Temporal or the store cannot be reached or used: a later attempt may succeed."""

    exit_code = 20
    #: Seconds after which the gateway may be asked again, where it said so.
    retry_after: Optional[float] = None


class Overloaded(Unreachable):
    """The gateway refused the request for load's sake, the last attempt too."""


class DeadlineExceeded(Unreachable):
    """The answer was not there in time."""


class WaitTimedOut(SlipwayError):
    """The run goes on."""

    exit_code = 124


class Interrupted(SlipwayError):
    """Interrupted (the run goes on), or the run was cancelled."""

    exit_code = 130


_by_exit_code: Dict[int, Type[SlipwayError]] = {
    kind.exit_code: kind
    for kind in (
        InternalFault,
        Invalid,
        WouldRun,
        DataContractBroken,
        TrainingFailed,
        GateFailed,
        Rejected,
        RolledBack,
        NothingDecided,
        NotVerified,
        DriftFound,
        BadRows,
        Unreachable,
        WaitTimedOut,
        Interrupted,
    )
}

_by_code: Dict[str, Type[SlipwayError]] = {
    "REQUEST_INVALID": RequestInvalid,
    "KEY_UNKNOWN": RequestInvalid,
    "EXPLAIN_UNAVAILABLE": RequestInvalid,
    "NOT_FOUND": NotFound,
    "UNAUTHORIZED": Unauthorized,
    "REQUEST_TOO_LARGE": RequestTooLarge,
    "FEATURES_FAILED": FeaturesFailed,
    "OVERLOADED": Overloaded,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "GATEWAY_UNREACHABLE": Unreachable,
    "NOT_ACCEPTABLE": Invalid,
    "MEDIA_UNSUPPORTED": Invalid,
    "HOST_MISMATCH": Invalid,
    "PARITY": TrainingFailed,
    "DIGEST_MISMATCH": NotVerified,
    "OBJECT_MISSING": NotVerified,
}

#: Of answers without a code, as proxies give them.
code_of_status: Dict[int, str] = {
    400: "REQUEST_INVALID",
    401: "UNAUTHORIZED",
    403: "UNAUTHORIZED",
    404: "NOT_FOUND",
    413: "REQUEST_TOO_LARGE",
    502: "GATEWAY_UNREACHABLE",
    503: "OVERLOADED",
    504: "DEADLINE_EXCEEDED",
}


def error_class(code: str, exit_code: int = 1) -> Type[SlipwayError]:
    """The class for a code; for codes that callers of gateways never see, the one of the exit code."""
    return _by_code.get(code) or _by_exit_code.get(exit_code, InternalFault)
