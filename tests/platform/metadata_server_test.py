"""The stand-in for the metadata server hands out tokens that verify, and those that must not."""

import asyncio
import json
import os
import pathlib
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import jwt  # noqa: E402
from metadata_server import IDENTITY, ISSUER, MetadataServer  # noqa: E402
from stack import free_port  # noqa: E402

AUDIENCE = "https://coordinator.example"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Tokens(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = await MetadataServer(free_port()).start()
        self.addAsyncCleanup(self.server.stop)

    def get(self, path, **fields):
        request = urllib.request.Request(self.server.url + path, headers=fields)
        try:
            with OPENER.open(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    async def identity(self, audience=AUDIENCE, flavor="Google"):
        return await asyncio.to_thread(self.get, f"{IDENTITY}?audience={audience}",
                                       **{"Metadata-Flavor": flavor})

    async def verified(self, token):
        """As a receiver does it: against the published key set."""
        keys = json.loads((await asyncio.to_thread(self.get, "/certs"))[1])
        key = {one.key_id: one.key for one in jwt.PyJWKSet.from_dict(keys).keys}
        return jwt.decode(token, key[jwt.get_unverified_header(token)["kid"]], ["RS256"],
                          audience=AUDIENCE, issuer=ISSUER)

    async def test_a_token_verifies_against_the_published_keys(self):
        status, token = await self.identity()
        self.assertEqual(status, 200)
        claims = await self.verified(token)
        self.assertEqual(claims["email"], self.server.email)
        self.assertTrue(3500 < claims["exp"] - time.time() <= 3600)
        self.assertEqual(self.server.asked, [AUDIENCE])

    async def test_without_its_header_there_is_no_token(self):
        self.assertEqual((await self.identity(flavor="none"))[0], 403)
        self.assertEqual((await self.identity(audience=""))[0], 400)

    async def test_an_expired_and_a_wrong_token_do_not_verify(self):
        self.server.token_s = -60
        with self.assertRaises(jwt.ExpiredSignatureError):
            await self.verified((await self.identity())[1])
        self.server.heal()
        self.server.audience = "https://somebody.else"
        with self.assertRaises(jwt.InvalidAudienceError):
            await self.verified((await self.identity())[1])
        self.server.heal()
        self.server.body = "not a token"
        self.assertEqual(await self.identity(), (200, "not a token"))

    async def test_a_slow_server_answers_late_and_a_failing_one_with_its_status(self):
        self.server.late_s = 0.5
        began = time.monotonic()
        self.assertEqual((await self.identity())[0], 200)
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        self.server.heal()
        self.server.status = 500
        self.assertEqual((await self.identity())[0], 500)

    async def test_keys_rotate_and_old_tokens_still_verify(self):
        old = (await self.identity())[1]
        self.server.rotate()
        new = (await self.identity())[1]
        self.assertNotEqual(*(jwt.get_unverified_header(token)["kid"] for token in (old, new)))
        await self.verified(old)
        await self.verified(new)


if __name__ == "__main__":
    unittest.main(verbosity=2)
