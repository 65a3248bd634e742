"""The HTTP API as a backend would use it, and its description."""

import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jsonschema

from stack import SOURCE, free_port


class Description:
    """proto/openapi.json: which answers there may be, and whether one is as described."""

    def __init__(self):
        self.document = json.loads((SOURCE / "proto" / "openapi.json").read_text())
        self.paths = self.document["paths"]

    def resolve(self, node):
        while "$ref" in node:
            place = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                place = place[name]
            node = place
        return node

    def documented(self):
        """{(path, method, status)} of every answer that is described."""
        return {(path, method, status) for path, item in self.paths.items()
                for method, operation in item.items() if method != "parameters"
                for status in operation["responses"]}

    def validate(self, schema, value):
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(
            whole, format_checker=jsonschema.FormatChecker()).validate(value)

    def check_answer(self, path, method, answer):
        """That the answer is one of those described, with the body and the fields it must have."""
        operation = self.paths[path][method]
        response = self.resolve(operation["responses"][str(answer.status)])
        for name, header in response.get("headers", {}).items():
            header = self.resolve(header)
            if header.get("required"):
                value = answer.headers[name]
                number = header["schema"].get("type") == "integer"
                self.validate(header["schema"], int(value) if number else value)
        content = response.get("content")
        if content is None:
            assert answer.body == b"", answer.body
            return
        (media_type, described), = content.items()
        assert answer.headers["content-type"] == media_type, answer.headers
        self.validate(described["schema"], answer.json)
        if media_type == "application/problem+json":
            assert answer.json["status"] == answer.status, answer.json


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers  # names in any case
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


def request(port, method, target, body=None, headers=None, timeout=15):
    """One request; a `str` or `bytes` body goes as it is, anything else as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection.request(method, target, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def publish(port, key, event, idempotency_key=None, token=None, **headers):
    """One event; the key is one that needs no encoding."""
    fields = {"Content-Type": "application/json", **headers}
    if idempotency_key is not None:
        fields["Idempotency-Key"] = idempotency_key
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    return request(port, "POST", f"/v1/connections/{key}/events", event, fields)


class Webhook:
    """A webhook backend: checks signature and schema of everything, and keeps the events."""

    def __init__(self, key, on_event=lambda event: 204, ssl_context=None):
        self.key = key
        self.on_event = on_event
        self.events = []
        self.faults = []
        self.news = threading.Condition()
        self.description = Description()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = webhook.take(self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        if ssl_context is not None:
            self.server.socket = ssl_context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self):
        return self.server.server_address[1]

    def take(self, headers, body):
        """The status to answer with."""
        try:
            event = self.check(headers, body)
        except Exception as fault:  # pylint: disable=broad-except
            self.faults.append(repr(fault))
            return 400
        status = self.on_event(event)
        with self.news:
            self.events.append(event)
            self.news.notify_all()
        return status

    def check(self, headers, body):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        code = hmac.new(self.key, signed, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(code).decode()
        assert hmac.compare_digest(wanted, headers["webhook-signature"]), "wrong signature"
        event = json.loads(body)
        assert event["id"] == headers["webhook-id"], "ids differ"
        name = event["type"].removeprefix("interlock.v1.")
        post = self.description.document["webhooks"][name]["post"]
        (media_type, described), = post["requestBody"]["content"].items()
        assert headers["content-type"].split(";")[0] == media_type, headers["content-type"]
        self.description.validate(described["schema"], event)
        for parameter in post["parameters"]:
            parameter = self.description.resolve(parameter)
            if parameter["required"] or parameter["name"] in headers:
                self.description.validate(parameter["schema"], headers[parameter["name"]])
        return event

    def of_type(self, name):
        with self.news:
            return [event for event in self.events if event["type"] == f"interlock.v1.{name}"]

    def wait_for(self, name, timeout=30):
        """The first event of this type."""
        with self.news:
            found = self.news.wait_for(
                lambda: any(e["type"] == f"interlock.v1.{name}" for e in self.events), timeout)
        assert found, f"no {name} in {timeout} s: {self.events} {self.faults}"
        return self.of_type(name)[0]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def write_file(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path
