"""Failures of obstore as ours: what may pass, what does not, and one line on each.

obstore tells most failures apart by their text alone, so this module knows those texts. It looks at
names of exceptions, not at classes: a forked process has a copy of obstore with classes of its own.
"""

from __future__ import annotations

import re

from pcr.errors import ObjectNotFoundError, StorageError
from pcr.storage.retries import PassingFault

_STATUS = re.compile(r"status code: (\d{3}[^:\n]*)")
_CONNECTION = re.compile(r"HttpError \{\s*kind: (\w+)")
_SERVICE_CODE = re.compile(r"<Code>(\w+)</Code>")
# What the three clouds' own machines are asked for, when nothing else gives credentials.
_CREDENTIAL_REQUESTS = (
    "/latest/api/token",
    "/latest/meta-data/",
    "/computeMetadata/",
    "/metadata/identity/",
)
_PASSING_STATUS = ("408", "429", "5")
_CONNECTION_FAULTS = {
    "Timeout": "no answer within the time-out",
    "Connect": "no connection",
    "Interrupted": "the connection was dropped within the answer",
}
_CREDENTIALS = (
    "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE "
    "(GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_KEY), or AWS_SKIP_SIGNATURE=true "
    "(GOOGLE_SKIP_SIGNATURE, AZURE_SKIP_SIGNATURE) for what is public"
)
_KINDS = {
    "PermissionDeniedError": "access denied: check the credentials and their rights",
    "UnauthenticatedError": "access denied: check the credentials",
    "NotSupportedError": "expected a server that answers range requests with 206, found 200",
}


def translate(error: Exception, what: str) -> Exception:
    """What to raise for an exception of obstore, met while doing ``what``."""
    text = str(error)
    kind = type(error).__name__
    status = _STATUS.search(text)
    if status and status[1].startswith(_PASSING_STATUS):
        return PassingFault(f"the server answered {status[1]}")
    if any(request in text for request in _CREDENTIAL_REQUESTS):
        return StorageError(f"{what}: {_CREDENTIALS}")
    if "NoSuchBucket" in text:
        return ObjectNotFoundError(f"{what}: there is no such bucket")
    if isinstance(error, FileNotFoundError):
        return ObjectNotFoundError(f"{what}: there is no such object")
    if kind in _KINDS:
        return StorageError(f"{what}: {_KINDS[kind]}{_service_code(text)}")
    if status:
        return StorageError(f"{what}: the server answered {status[1]}{_service_code(text)}")
    connection = _CONNECTION.search(text)
    if connection:
        fault = _CONNECTION_FAULTS.get(connection[1], "the connection was dropped")
        return PassingFault(fault)
    return StorageError(f"{what}: {text.partition('Debug source')[0].strip()}")


def _service_code(text: str) -> str:
    """The reason that an object store names in the body of its answer."""
    found = _SERVICE_CODE.search(text)
    return f" ({found[1]})" if found else ""
