"""Who signs tokens and publishes keys, in tests: an OpenID issuer and Google's metadata server, on
loopback, as well behaved as the test wants."""

import base64
import http.server
import json
import threading
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def _number(value, length=None):
    length = length or (value.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(value.to_bytes(length, "big")).rstrip(b"=").decode()


class Key:
    """A signing key with a name."""

    def __init__(self, kid, algorithm="RS256"):
        self.kid = kid
        self.algorithm = algorithm
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())

    def public(self):
        numbers = self.private.public_key().public_numbers()
        named = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if self.algorithm == "RS256":
            return {**named, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        return {**named, "kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32),
                "y": _number(numbers.y, 32)}

    def sign(self, claims):
        pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
        return jwt.encode(claims, pem, algorithm=self.algorithm, headers={"kid": self.kid})


class Server:
    """GET on loopback: `answer(path, headers)` gives status and text; None: silence."""

    def __init__(self, port, answer):
        self.requests = []
        self.ended = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                said = answer(self.path, self.headers)
                if said is None:
                    outer.ended.wait()
                    return
                status, text = said
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.url = f"http://127.0.0.1:{port}"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


class Issuer:
    """Signs with its newest key, and publishes all of them at `url`."""

    def __init__(self, port, name="https://issuer.test", algorithm="RS256"):
        self.name = name
        self.algorithm = algorithm
        self.keys = [Key("key-1", algorithm)]
        self.broken = None  # (status, text) instead of the keys
        self.issued = []
        self.server = Server(port, self._answer)
        self.url = f"{self.server.url}/keys"

    def _answer(self, _path, _headers):
        return self.broken or (200, json.dumps({"keys": [key.public() for key in self.keys]}))

    def rotate(self, forget=False):
        self.keys.append(Key(f"key-{len(self.keys) + 1}", self.algorithm))
        if forget:
            self.keys = self.keys[-1:]

    def token(self, subject, audience, expires_in_s=3600, **claims):
        token = self.keys[-1].sign({"sub": subject, "iss": self.name, "aud": audience,
                                    "exp": int(time.time()) + expires_in_s, **claims})
        self.issued.append(token)
        return token

    def stop(self):
        self.server.stop()


class Metadata:
    """Google's metadata server for one service account. `give(audience)` says what it hands out: a
    token, (status, text), or None for silence."""

    PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"

    def __init__(self, port, give):
        self.give = give
        self.server = Server(port, self._answer)
        self.url = self.server.url

    @property
    def asked(self):
        return len(self.server.requests)

    def _answer(self, path, headers):
        parts = urllib.parse.urlsplit(path)
        audience = urllib.parse.parse_qs(parts.query).get("audience", [""])[0]
        if parts.path != self.PATH or headers.get("Metadata-Flavor") != "Google" or not audience:
            return 403, "no"
        given = self.give(audience)
        return (200, given) if isinstance(given, str) else given

    def stop(self):
        self.server.stop()
