"""Trust, loaded once."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls() -> ssl.SSLContext:
    """What httpx trusts by default. Reading it takes longer than a call, so all clients of a process share it."""
    import httpx

    return httpx.create_ssl_context()
