"""Callers that act as gateways of their own, through unary calls that may never be answered."""

import asyncio
import time

import grpc

from record_model import (ACCEPTED, AUTHENTICATED, CLOSING, CONNECTING, DEGRADED, FINAL, IDLE,
                          PROCESSING, PROCESSING_READY, RECONNECTING, SERVICES_READY, TABLE)

CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0),
           ("grpc.enable_retries", 0),
           ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 200),
           ("grpc.max_reconnect_backoff_ms", 200)]
SOCKET_LOST, CLIENT_DONE, SETUP_FAILED = 6, 7, 13
THROUGH = [0, 0, ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY, PROCESSING_READY,
           DEGRADED]
STEPS = [ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY, IDLE, DEGRADED]
LATEST = 1
# Some keys are fought over, others are left alone for long enough that deadlines pass.
WEIGHTS = [8, 6, 4, 2, 1, 0.5]
# What gRPC says of a call for which there never was a connection.
NO_CONNECTION = "failed to connect to all addresses"


class Hold:
    """What a caller believes that it owns."""

    def __init__(self, claim, generation, state):
        self.claim = claim
        self.generation = generation
        self.state = state
        self.next_op = 1
        self.unanswered = []


class Caller:
    """One at a time: `run` until `stop` is set. Every call is a line of `lines`."""

    def __init__(self, name, port, keys, stubs, random, lines, reads_only=False):
        self.name = name
        self.keys = keys
        self.pb, self.rpc = stubs
        self.random = random
        self.lines = lines
        self.reads_only = reads_only
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL)
        self.gateway = self.rpc.gateway.GatewayStub(self.channel)
        self.admin = self.rpc.admin.AdminStub(self.channel)
        self.gateway_id = self.new_id()
        self.holds = {}
        self.old_holds = []
        self.old_claims = []   # that were granted or given up: late copies must change nothing
        self.abandoned = {}    # claims whose outcome is not known, by key
        self.generations = {}  # the newest one heard of, by key
        self.strange = []      # answers that nothing explains

    def new_id(self):
        return f"{self.random.getrandbits(128):032x}"

    async def run(self, stop):
        while not stop.is_set():
            if self.reads_only:
                for key in self.keys:
                    await self.get(key)
                await asyncio.sleep(0.02)
            else:
                await self.step(self.random.choices(self.keys, WEIGHTS)[0])
                await asyncio.sleep(self.random.uniform(0.0, 0.08))

    async def close(self):
        await self.channel.close()

    async def step(self, key):
        roll = self.random.random()
        hold = self.holds.get(key)
        if roll < 0.2:
            await self.get(key)
        elif key in self.abandoned and roll < 0.7:
            await self.settle_claim(key)
        elif hold is None or roll < 0.3:
            await self.claim(key)
        elif roll < 0.34 and self.old_holds:
            await self.operate_late()
        elif roll < 0.40 and self.old_claims:
            await self.claim_as(*self.random.choice(self.old_claims[-4:]), repeated=True)
        elif roll < 0.43:
            await self.abandon(key, hold.claim, self.gateway_id)
        else:
            await self.operate(key, hold)

    # ---- calls ----

    async def call(self, method, request, line):
        """Makes the call and notes what it was told. `told` None: nobody knows what was done."""
        line.update(who=self.name, call=time.monotonic(), answer=None, told=None)
        timeout = self.random.choice([0.1, 0.3, 0.6, 1.0])
        try:
            response = await method(request, timeout=timeout)
            told = None
        except grpc.aio.AioRpcError as error:
            response = None
            told = self.refusal_of(error)
        line["answer"] = time.monotonic()
        line["told"] = told
        self.lines.append(line)
        return response, line

    def refusal_of(self, error):
        trailing = list(error.trailing_metadata() or ())
        details = next((value for name, value in trailing if name == "grpc-status-details-bin"),
                       None)
        if details is None:
            if (error.details() or "").startswith(NO_CONNECTION):
                return {"answer": "not sent"}
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                                    grpc.StatusCode.DEADLINE_EXCEEDED):
                self.strange.append(f"{error.code()}: {error.details()}")
            return None
        status = self.pb.connection.ErrorStatus.FromString(details)
        refusal = self.pb.connection.Refusal()
        status.details[0].Unpack(refusal)
        return self.told_of(refusal)

    @staticmethod
    def told_of(refusal):
        reason = refusal.WhichOneof("reason")
        named = {"stale": "stale", "stale_generation": "stale generation",
                 "already_owned": "owned"}
        if reason in named:
            return {"answer": named[reason],
                    "generation": getattr(refusal, reason).current_generation}
        return {"answer": {"gateway_expired": "gateway expired", "not_found": "not found",
                           "not_now": "not now", "store_away": "store away",
                           "invalid_argument": "invalid"}.get(reason, reason)}

    def note(self, key, told):
        if told and "generation" in told:
            self.generations[key] = max(self.generations.get(key, 0), told["generation"])
        if told and told["answer"] == "gateway expired":
            # For good: whatever it held, and asked for, was this id's.
            self.old_holds += [(one, self.gateway_id, held) for one, held in self.holds.items()]
            self.holds.clear()
            self.gateway_id = self.new_id()

    # ---- Claim and Abandon ----

    def attempt_for(self, key):
        roll = self.random.random()
        known = self.generations.get(key)
        if known is None or roll < 0.6:
            return None
        if roll < 0.65:
            return [known + 10**9, 1]  # from the future: counts as none
        return [known, self.random.randint(1, 2)]

    async def claim(self, key):
        asked = {"through": self.random.choice(THROUGH)}
        if self.random.random() < 0.15:
            asked["reject"] = True
        attempt = self.attempt_for(key)
        if attempt is not None:
            asked["attempt"] = attempt
        claim = (key, self.new_id(), self.gateway_id, asked)
        twice = self.random.random() < 0.05
        await asyncio.gather(*(self.claim_as(*claim, repeated=twice)
                               for _ in range(1 + twice)))

    async def claim_as(self, key, claim, gateway_id, asked, repeated=False):
        request = self.pb.gateway.ClaimRequest(
            key=key, subject="anonymous", gateway_id=gateway_id, claim_id=bytes.fromhex(claim),
            through=asked["through"], policy=1 if asked.get("reject") else 0)
        if "attempt" in asked:
            request.attempt.generation, request.attempt.tries = asked["attempt"]
        asked = dict(asked, through=asked["through"] or CONNECTING)
        response, line = await self.call(
            self.gateway.Claim, request,
            {"key": key, "kind": "claim", "claim": claim, "gateway": gateway_id, "asked": asked})
        if response is not None:
            line["told"] = {"answer": "granted", "generation": response.generation,
                            "state": response.state}
            if not repeated:  # a repeated answer also tells the steps since then
                line["told"]["steps"] = list(response.steps)
            self.old_claims.append((key, claim, gateway_id, asked))
            del self.old_claims[:-8]
            if gateway_id == self.gateway_id and not self.holds_it(key, claim):
                self.holds[key] = Hold(claim, response.generation, response.state)
        self.note(key, line["told"])
        if line["told"] is None or line["told"]["answer"] == "not sent":
            self.abandoned[key] = (claim, gateway_id, asked)
        else:
            self.abandoned.pop(key, None)

    def holds_it(self, key, claim):
        return key in self.holds and self.holds[key].claim == claim

    async def settle_claim(self, key):
        """The answer was lost: the claim is repeated, or given up for good."""
        claim, gateway_id, asked = self.abandoned[key]
        if self.random.random() < 0.6 and gateway_id == self.gateway_id:
            await self.claim_as(key, claim, gateway_id, asked, repeated=True)
        elif await self.abandon(key, claim, gateway_id):
            self.abandoned.pop(key, None)
            self.old_claims.append((key, claim, gateway_id, asked))

    async def abandon(self, key, claim, gateway_id):
        request = self.pb.gateway.AbandonRequest(key=key, claim_id=bytes.fromhex(claim),
                                                 gateway_id=gateway_id)
        response, line = await self.call(
            self.gateway.Abandon, request,
            {"key": key, "kind": "abandon", "claim": claim, "gateway": gateway_id, "asked": {}})
        if response is not None:
            line["told"] = {"answer": "settled"}
        if self.holds_it(key, claim):
            self.old_holds.append((key, gateway_id, self.holds.pop(key)))
        return line["told"] is not None and line["told"]["answer"] != "not sent"

    # ---- Operate ----

    def next_operation(self, hold):
        roll = self.random.random()
        if roll < 0.15:
            return {"what": "detach"}
        if roll < 0.20:
            return {"what": "close"}
        if roll < 0.24:
            return {"what": "fail"}
        if roll < 0.27:
            return {"what": "advance", "to": CLOSING}
        legal = [to for to in STEPS if to in TABLE[hold.state]]
        if roll < 0.37 or not legal:
            return {"what": "advance", "to": self.random.choice(STEPS)}
        return {"what": "advance", "to": self.random.choice(legal)}

    async def operate(self, key, hold):
        if not hold.unanswered or (self.random.random() < 0.5 and len(hold.unanswered) < 16):
            for _ in range(self.random.choice([1, 1, 1, 2])):
                hold.unanswered.append(dict(self.next_operation(hold), op=hold.next_op))
                hold.next_op += 1
        asked = {"generation": hold.generation, "operations": list(hold.unanswered[:16])}
        calls = [self.operate_as(key, self.gateway_id, hold, asked)]
        if self.random.random() < 0.05:
            calls.append(self.operate_as(key, self.gateway_id, hold, asked))  # sent twice
        for told in await asyncio.gather(*calls):
            self.learn(key, hold, told)

    def learn(self, key, hold, told):
        if self.holds.get(key) is not hold or told is None:
            return
        if told["answer"] == "done":
            hold.state = told["state"]
            hold.unanswered = [one for one in hold.unanswered if one["op"] > told["last_op"]]
            lost = told["owner"] != self.gateway_id
        else:
            lost = told["answer"] in ("stale generation", "not found")
        if lost or hold.state in FINAL:
            self.old_holds.append((key, self.gateway_id, self.holds.pop(key)))
            del self.old_holds[:-8]

    async def operate_late(self):
        """A message of a generation that was let go, or lost: repeated, or a new one."""
        key, gateway_id, hold = self.random.choice(self.old_holds)
        operations = hold.unanswered[:16]
        if not operations:
            operations = [dict(self.next_operation(hold), op=hold.next_op)]
            hold.next_op += 1
            hold.unanswered = operations
        await self.operate_as(key, gateway_id, hold,
                              {"generation": hold.generation, "operations": list(operations)})

    async def operate_as(self, key, gateway_id, hold, asked):
        request = self.pb.gateway.OperateRequest(key=key, gateway_id=gateway_id,
                                                 generation=asked["generation"])
        for one in asked["operations"]:
            operation = request.operations.add(op=one["op"])
            if one["what"] == "advance":
                operation.advance = one["to"]
            else:
                reason = {"detach": SOCKET_LOST, "close": CLIENT_DONE,
                          "fail": SETUP_FAILED}[one["what"]]
                getattr(operation, one["what"]).reason = reason
        response, line = await self.call(
            self.gateway.Operate, request,
            {"key": key, "kind": "operate", "claim": hold.claim, "gateway": gateway_id,
             "asked": asked})
        if response is not None:
            line["told"] = {
                "answer": "done", "last_op": response.last_op, "state": response.state,
                "owner": response.owner, "steps": list(response.steps),
                "refused": [[one.op, *self.why(one.refusal)] for one in response.refused]}
        self.note(key, line["told"])
        return line["told"]

    def why(self, refusal):
        if refusal.WhichOneof("reason") == "illegal_transition":
            return "illegal transition", refusal.illegal_transition.current
        return self.told_of(refusal)["answer"], refusal.stale_generation.current_generation

    # ---- Get ----

    async def get(self, key):
        request = self.pb.admin.GetRequest(key=key, consistency=LATEST)
        response, line = await self.call(self.admin.Get, request,
                                         {"key": key, "kind": "get", "asked": {}})
        if response is None:
            return line["told"] == {"answer": "not found"}
        line["told"] = {"answer": "found", "state": response.state,
                        "generation": response.generation, "owner": response.owner,
                        "last_op": response.last_op, "total": response.transitions_total,
                        "revision": response.revision}
        self.generations[key] = max(self.generations.get(key, 0), response.generation)
        return True
