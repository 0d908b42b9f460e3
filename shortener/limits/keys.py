"""Names of counters in Redis."""

import hashlib

KEY_PREFIX = "limit:"


class LimitKeys:
    """Names of counters. Redis writes its data to disk, so names contain a client's address only as a keyed hash."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(secret.encode()).digest()

    def key(self, policy: str, client: str) -> str:
        digest = hashlib.blake2b(client.encode(), key=self._secret, person=b"limit", digest_size=12).hexdigest()
        return f"{KEY_PREFIX}{policy}:{digest}"
