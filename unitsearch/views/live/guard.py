"""The guard of the dashboard's server: requests that it refuses, rights that its pages have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

# A page may load and request from this server and from nowhere else. Plotly compiles wrappers of
# its WebGL shaders, hence unsafe-eval, and writes styles, hence unsafe-inline.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(server: Flask, port: Callable[[], int], hashes: Sequence[str]) -> None:
    """Make ``server`` answer this machine's own pages alone.

    It refuses requests under another host name, because a site may give its own name this machine's
    address (DNS rebinding). It also refuses requests of other sites' pages.

    Args:
        server: The server.
        port: Returns the port once the server listens.
        hashes: The hashes of the scripts inside the page itself.
    """
    from flask import abort, request

    policy = _POLICY.format(hashes="".join(f" {hash_}" for hash_ in hashes))

    def check() -> None:
        if request.host not in (f"127.0.0.1:{port()}", f"localhost:{port()}"):
            abort(403, "asked under a name that is not this machine's")
        if request.method not in ("GET", "HEAD", "POST"):
            abort(405)
        own_sites = ("same-origin", "none")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site not in own_sites and request.headers.get("Sec-Fetch-Mode") != "navigate":
            abort(403, "asked by another site")

    def seal(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = policy
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    server.before_request(check)
    server.after_request(seal)
