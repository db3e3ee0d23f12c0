"""Messages over a pipe: a line of JSON, then the bytes whose number that line gives.

Nothing is pickled, so that nothing from a pipe is executed.
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
    envelope = json.loads(head)
    size = envelope["bytes"]
    content = stream.read(size) if size else b""
    if len(content) != size:
        return None
    return envelope["message"], content
