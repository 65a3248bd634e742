"""A stand-in for the metadata server: ID tokens for an audience, as the platform hands them out, or
late, wrong, expired, or not at all.

    GET /computeMetadata/v1/instance/service-accounts/default/identity?audience=URL
    Metadata-Flavor: Google

The tokens are signed with a key of the server's own, whose public half it publishes as a key set
under /certs, so that whoever verifies tokens can be pointed at it."""

import asyncio
import base64
import json
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from balancer_http import plain, read_head

IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity"
ISSUER = "https://accounts.google.com"
TOKEN_S = 3600
KEY_BITS = 2048


def base64_of(number):
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) \
        .rstrip(b"=").decode()


class SigningKey:
    def __init__(self, name):
        self.name = name
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)

    def public(self):
        numbers = self.private.public_key().public_numbers()
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.name,
                "n": base64_of(numbers.n), "e": base64_of(numbers.e)}


class MetadataServer:
    def __init__(self, port, email="gateway@project.iam.gserviceaccount.com"):
        self.port = port
        self.email = email
        self.keys = [SigningKey("key-1")]
        self.asked = []         # audiences, as they were asked for
        # Faults.
        self.late_s = 0.0
        self.status = 200       # another: no token, this
        self.token_s = TOKEN_S  # below 0: expired before it is handed out
        self.audience = None    # another one than was asked for
        self.body = None        # instead of a token
        self._server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def heal(self):
        self.late_s, self.status, self.token_s = 0.0, 200, TOKEN_S
        self.audience = self.body = None

    def rotate(self):
        """Tokens are signed with a new key from now on; the old one stays in the set."""
        self.keys.append(SigningKey(f"key-{len(self.keys) + 1}"))

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    def token(self, audience):
        now = int(time.time())
        issued = now if self.token_s > 0 else now - TOKEN_S + self.token_s
        claims = {"iss": ISSUER, "aud": self.audience or audience, "sub": "1234567890",
                  "email": self.email, "email_verified": True, "iat": issued,
                  "exp": now + self.token_s}
        key = self.keys[-1]
        return jwt.encode(claims, key.private, "RS256", headers={"kid": key.name})

    async def _serve(self, reader, writer):
        head = await read_head(reader)
        if head is not None:
            writer.write(await self._answer(head))
        writer.close()

    async def _answer(self, head):
        path = urllib.parse.urlsplit(head.first[1])
        if path.path == "/certs":
            keys = {"keys": [key.public() for key in self.keys]}
            return plain(200, "OK", json.dumps(keys))
        if path.path != IDENTITY:
            return plain(404, "Not Found", "")
        if head.fields.get("metadata-flavor") != "Google":
            return plain(403, "Forbidden", "Missing Metadata-Flavor:Google header.")
        audience = urllib.parse.parse_qs(path.query).get("audience", [""])[0]
        self.asked.append(audience)
        if self.late_s:
            await asyncio.sleep(self.late_s)
        if not audience:
            return plain(400, "Bad Request", "non-empty audience parameter required")
        if self.status != 200:
            return plain(self.status, "Fault", "")
        return plain(200, "OK", self.body if self.body is not None else self.token(audience))
