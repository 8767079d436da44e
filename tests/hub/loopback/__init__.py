"""A Hub in this process: the unmodified client speaks to it over real HTTP on 127.0.0.1."""

from .faults import Fault, FaultKind
from .repositories import Entry, Repository, UnknownRevisionError
from .server import LoopbackHub, Request

__all__ = [
    "Entry",
    "Fault",
    "FaultKind",
    "LoopbackHub",
    "Repository",
    "Request",
    "UnknownRevisionError",
]
