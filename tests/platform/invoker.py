"""What the platform checks before a container hears of a call: whether the caller's ID token is
good, and whether that account may invoke the service. The container gets the token that was checked
without its signature; `authorization` is let through as it is where the other field was checked."""

import grpc
import jwt

from metadata_server import ISSUER

GATEWAY_METHODS = "/interlock.v1.Gateway/"
OWN_FIELD, FRONT_FIELD = "authorization", "x-serverless-authorization"
SKEW_S = 30  # by which clocks may differ
REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


class Invoker:
    """Only accounts in `allowed` may call, with tokens for `audience` that `metadata` has signed.
    Calls of other methods than gateways' are let through: the harness makes them itself."""

    def __init__(self, metadata, audience, allowed):
        self.metadata = metadata
        self.audience = audience
        self.allowed = allowed
        self.refused = []   # codes

    def refusal(self, method, metadata):
        """None: the call may pass."""
        if not method.startswith(GATEWAY_METHODS):
            return None
        fields = dict(list(metadata))
        checked = fields.get(FRONT_FIELD, fields.get(OWN_FIELD, ""))
        code = self._judge(checked.removeprefix("Bearer "))
        if code is not None:
            self.refused.append(code)
        return code

    @staticmethod
    def passed_on(metadata):
        """What the container gets of it."""
        checked = FRONT_FIELD if FRONT_FIELD in dict(metadata) else OWN_FIELD
        return tuple((name, value.rpartition(".")[0] + "." + REMOVED)
                     if name == checked and value.count(".") == 2 else (name, value)
                     for name, value in metadata)

    def _judge(self, token):
        keys = {key.name: key.private.public_key() for key in self.metadata.keys}
        try:
            key = keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, ["RS256"], audience=self.audience, issuer=ISSUER,
                                leeway=SKEW_S)
        except (jwt.InvalidTokenError, KeyError):
            return grpc.StatusCode.UNAUTHENTICATED
        if claims.get("email") not in self.allowed:
            return grpc.StatusCode.PERMISSION_DENIED
        return None
