"""Messages over a pipe: a line of JSON, then as many bytes as it says.

There is no pickle among them, so that nothing from a pipe is executed.
"""

from __future__ import annotations

import json
from typing import IO, Any


def send(stream: IO[bytes], message: Any, content: bytes = b"") -> None:
    """Write one message and flush it."""
    head = json.dumps({"message": message, "bytes": len(content)})
    stream.write(head.encode() + b"\n" + content)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Any, bytes] | None:
    """Return the next message and its bytes, or None at the end of the stream."""
    head = stream.readline()
    if not head.endswith(b"\n"):
        return None
    said = json.loads(head)
    content = stream.read(said["bytes"]) if said["bytes"] else b""
    if len(content) != said["bytes"]:
        return None
    return said["message"], content
