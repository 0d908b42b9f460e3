"""A small OpenID Connect provider on loopback: a real server with real keys, which checks PKCE, client and code, and
lies on request."""

import base64
import contextlib
import hashlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

_ROOT = Path(__file__).parents[3]
CLIENT_ID, CLIENT_SECRET = "shortener", "a secret of + the: client%"
# Made once: an RSA key takes a moment.
RSA_KEY, OTHER_RSA_KEY = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("first", "second"))
EC_KEY = ECKey.generate_key("P-256", {"kid": "curve"})


class OidcProvider:
    """`claims`, `sign`, `metadata` and `answers` are what a test changes; `asked` has the paths of all requests."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.keys: list[RSAKey | ECKey] = [RSA_KEY]
        self.algorithm = "RS256"
        self.header: dict[str, Any] = {}
        self.claims: dict[str, Any] = {"sub": "ada-1", "email": "ada@example.com", "email_verified": True}
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.authorization_error = ""
        self.answer_with_issuer: str | None = issuer
        # By path: what is answered instead.
        self.answers: dict[str, Callable[[], Response]] = {}
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self._sign
        self.asked: list[str] = []
        self.secret: str | None = CLIENT_SECRET
        self._codes: dict[str, dict[str, str]] = {}
        self.access_token = secrets.token_urlsafe(16)
        self.going_on = Event()

    def app(self) -> Starlette:
        paths = {
            "/.well-known/openid-configuration": self._discover,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._jwks,
            "/userinfo": self._userinfo,
        }
        return Starlette(routes=[Route(p, self._told(p, f), methods=["GET", "POST"]) for p, f in paths.items()])

    def _told(self, path: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        async def told(request: Request) -> Response:
            self.asked.append(path)
            if path in self.answers:
                return self.answers[path]()
            response: Response = await answer(request)
            return response

        return told

    async def _discover(self, _: Request) -> Response:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(found | self.metadata)

    async def _authorize(self, request: Request) -> Response:
        """Whoever comes is logged in, and led back."""
        query = dict(request.query_params)
        if query.get("client_id") != CLIENT_ID or query.get("response_type") != "code":
            return JSONResponse({"error": "invalid_request"}, 400)
        if query.get("code_challenge_method") != "S256" or "openid" not in query.get("scope", "").split():
            return JSONResponse({"error": "invalid_request"}, 400)
        back = {"state": query["state"]}
        if self.answer_with_issuer is not None:
            back["iss"] = self.answer_with_issuer
        if self.authorization_error:
            back["error"] = self.authorization_error
        else:
            back["code"] = self.issue_code(query)
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(back)}", 302)

    def issue_code(self, query: dict[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        return code

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if not self._is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        # A code works once.
        query = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or query["code_challenge"] != challenge
            or query["redirect_uri"] != form.get("redirect_uri")
            or form.get("grant_type") != "authorization_code"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now_s = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 300, "nonce": query["nonce"]}
        header = {"alg": self.algorithm, "kid": self.keys[0].kid} | self.header
        found = {name: value for name, value in (claims | self.claims).items() if value is not None}
        token = self.sign({name: value for name, value in header.items() if value is not None}, found)
        return JSONResponse({"access_token": self.access_token, "token_type": "Bearer", "id_token": token})

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT_ID and "authorization" not in request.headers
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            pair = base64.b64decode(value).decode().partition(":")
            return (unquote_plus(pair[0]), unquote_plus(pair[2])) == (CLIENT_ID, self.secret)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, self.secret)

    def _sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, self.keys[0], [self.algorithm])

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _userinfo(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.access_token}":
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.userinfo)


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextlib.contextmanager
def providing() -> Iterator[OidcProvider]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider = OidcProvider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(provider.app(), access_log=False, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield provider
        finally:
            provider.going_on.set()
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@contextlib.contextmanager
def provider_process() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The issuer of a provider that is a process of its own, and that process: it can be killed."""
    command = [sys.executable, "-m", "tests.accounts.oidc.provider"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


if __name__ == "__main__":
    with providing() as alone:
        print(alone.issuer, flush=True)
        signal.pause()
