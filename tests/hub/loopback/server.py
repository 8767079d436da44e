"""The server: one thread per connection, a log of requests, faults on demand."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Self

from .faults import Fault
from .repositories import Repository


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    token: str | None
    range: str | None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that keeps its connection open must not hold the test
    request_queue_size = 64
    hub: LoopbackHub

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or a fault of ours, is no news."""


class LoopbackHub:
    """A Hub on a free port of 127.0.0.1; a context manager."""

    def __init__(self, *, redirect: str | None = None) -> None:
        from .handler import Handler

        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.tokens = {"hf_writer": "somebody"}
        self.redirect = redirect  # an endpoint that serves large files in this one's place
        self.ranges = True  # whether a Range is heeded
        self.multipart: int | None = None  # part size in bytes: uploads come in parts
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.hub = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT must say."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def repository(self, name: str, *, private: bool = False, gated: bool = False) -> Repository:
        """Make a repository without the wire."""
        self.repositories[name] = Repository(name, private=private, gated=gated)
        return self.repositories[name]

    def fault(self, fault: Fault) -> Fault:
        """Arrange for something to go wrong."""
        self.faults.append(fault)
        return fault

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request suffers, used up by it."""
        with self.lock:
            for fault in self.faults:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, method: str | None = None, path: str = "") -> int:
        """How many requests came."""
        return sum(method in (None, r.method) and path in r.path for r in self.requests)
