"""Reading requests and writing answers, spoilt ones included."""

from __future__ import annotations

import json
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from .faults import Fault, FaultKind
from .server import LoopbackHub, Request


class Wire(BaseHTTPRequestHandler):
    """One connection; a subclass says what to answer."""

    protocol_version = "HTTP/1.1"
    fault: Fault | None = None

    @property
    def hub(self) -> LoopbackHub:
        """The Hub whose connection this is."""
        return self.server.hub  # type: ignore[attr-defined]

    @property
    def route(self) -> str:
        """The path without its query, percent-decoded."""
        return unquote(urlsplit(self.path).path)

    @property
    def token(self) -> str | None:
        """The bearer token sent, if any."""
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

    def log_message(self, *arguments: object) -> None:
        """Say nothing on stderr."""

    def answer_request(self) -> None:
        """Subclasses route here."""
        raise NotImplementedError

    def _receive(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        else:
            self.body = self.rfile.read(length)
        self.hub.requests.append(
            Request(self.command, self.path, self.token, self.headers.get("Range"))
        )
        self.fault = self.hub.take_fault(self.command, self.path)
        if self.fault is not None and self.fault.kind is FaultKind.RESET:
            self.reset()
        elif self.fault is not None and self.fault.kind is FaultKind.STATUS:
            self.send(self.fault.status, b"out of order", self.fault.headers)
        else:
            self.answer_request()

    do_GET = do_HEAD = do_POST = do_PUT = _receive

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def json(self, value: object, status: int = 200) -> None:
        """Answer with JSON."""
        self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer with an error as the Hub words it."""
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self.send(status, json.dumps({"error": message}).encode(), headers)

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer, or what the fault makes of it."""
        headers = dict(headers or {})
        fault = self.fault
        kind = fault.kind if fault is not None else None
        if fault is not None and kind is FaultKind.HEADERS:
            headers.update(fault.headers)
        if fault is not None and kind is FaultKind.REPLACE:
            body = fault.body
        if fault is not None and kind is FaultKind.FLIP and len(body) > fault.at:
            flipped = bytes([body[fault.at] ^ 1])
            body = body[: fault.at] + flipped + body[fault.at + 1 :]
        if fault is not None and kind is FaultKind.SHORT:
            body = body[: fault.at]
        if kind is FaultKind.CUT_AFTER:
            return self.reset()
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._write(body, fault)

    def _write(self, body: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.kind is FaultKind.CUT:
            self.wfile.write(body[: fault.at])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault is not None and fault.kind is FaultKind.SLOW:
            for start in range(0, len(body), fault.at):
                self.wfile.write(body[start : start + fault.at])
                self.wfile.flush()
                time.sleep(fault.pause)
        else:
            self.wfile.write(body)

    def reset(self) -> None:
        """Close with a TCP reset, as a crashed peer does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
