"""The two services as Cloud Run takes them (serving.knative.dev/v1).

No `traffic` here: deploy/rollout.sh states it, or Cloud Deploy does. The comments say which habit
of the platform a line answers.
"""

import json

from access import account, coordinator_url

# Google's own, for ID tokens of service accounts.
GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_JWKS = "https://www.googleapis.com/oauth2/v3/certs"
NAMES = {"coordinator": "interlock-coordinator", "gateway": "interlock-gateway"}
# An hour is the most that Cloud Run lets a request last; a socket is one, and so is a gateway's
# stream to its coordinator. Gateways end sockets themselves before that (--session_age_max).
TIMEOUT_S = 3600
PORT = 8080
HTTP_PORTS = {"coordinator": 7401, "gateway": 8090}  # health and metrics; deploy/monitoring says so
STORE_FILE, ROLES_FILE, WEBHOOK_KEY_FILE = (
    "/secrets/store/url", "/secrets/roles/roles.json", "/secrets/webhook/key")
MONITORING_FILE = "/etc/rungmp/config.yaml"  # where the sidecar looks
STARTUP = {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 90}  # 180 s of 240 allowed
LIVENESS = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}


def mount(container, volumes, name, secret, path):
    """The newest version of a secret as a file; never as a variable, which child processes and
    error reports carry on."""
    folder, _, file = path.rpartition("/")
    volumes.append({"name": name, "secret": {
        "secretName": secret, "items": [{"key": "latest", "path": file}]}})
    container.setdefault("volumeMounts", []).append({"name": name, "mountPath": folder})


def arguments(flags):
    return [f"--{name}={value}" for name, value in flags.items()]


def container(values, kind, flags, probes, port_name):
    size = values[kind]
    return {
        "name": "app",
        "image": values["images"][kind],
        "args": arguments({"http_listen": f"0.0.0.0:{HTTP_PORTS[kind]}", **flags, **size["flags"]}),
        "ports": [{"name": port_name, "containerPort": PORT}],
        "resources": {"limits": {"cpu": str(size["cpu"]), "memory": f"{size['memory_mib']}Mi"}},
        "startupProbe": {**probes["startup"], **STARTUP},
        "livenessProbe": {**probes["liveness"], **LIVENESS},
    }


def service(values, kind, app, volumes, annotations):
    size = values[kind]
    collector = {"name": "collector", "image": values["images"]["collector"],
                 "resources": {"limits": {"cpu": "1", "memory": "512Mi"}}}
    mount(collector, volumes, "monitoring", values["secrets"][f"{kind}_monitoring"],
          MONITORING_FILE)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": NAMES[kind], "annotations": {
            # `all`, and IAM in front: `internal` would take the gateway through the VPC, where a
            # start takes a minute.
            "run.googleapis.com/ingress": "all",
            "run.googleapis.com/minScale": str(size["min_instances"]),
            "run.googleapis.com/maxScale": str(size["max_instances"])}},
        "spec": {"template": {
            "metadata": {"annotations": {
                # CPU outside of requests: heartbeats, leases, tokens, and the sidecar.
                "run.googleapis.com/cpu-throttling": "false",
                "run.googleapis.com/startup-cpu-boost": "true",
                # It outranks the traffic split, and nothing here needs it.
                "run.googleapis.com/sessionAffinity": "false",
                "run.googleapis.com/container-dependencies": json.dumps({"collector": ["app"]}),
                **annotations}},
            "spec": {
                "serviceAccountName": account(values, kind),
                "containerConcurrency": size["concurrency"],
                "timeoutSeconds": TIMEOUT_S,
                "containers": [app, collector],
                "volumes": volumes}}}}


def coordinator(values):
    """h2c: gRPC needs HTTP/2 up to the container, and so its probes are gRPC's. The health service
    answers from the start; it does not depend on the store, or an outage of that would restart
    everybody."""
    probe = {"grpc": {"port": PORT}}
    flags = {
        "store_file": STORE_FILE,
        # Cloud Run has checked the token; what its bearer may do is for the coordinator to say.
        "auth": "jwt", "auth_jwks": GOOGLE_JWKS, "auth_issuer": GOOGLE_ISSUER,
        "auth_audience": coordinator_url(values), "roles_file": ROLES_FILE}
    app = container(values, "coordinator", flags, {"startup": probe, "liveness": probe}, "h2c")
    volumes = []
    mount(app, volumes, "store", values["secrets"]["store_url"], STORE_FILE)
    mount(app, volumes, "roles", values["secrets"]["roles"], ROLES_FILE)
    return service(values, "coordinator", app, volumes, {
        "run.googleapis.com/network-interfaces": json.dumps([values["network"]]),
        "run.googleapis.com/vpc-access-egress": "private-ranges-only"})


def gateway(values):
    """HTTP/1.1: WebSockets do not come through HTTP/2 here. Not in the VPC: its way to the
    coordinator is the public address, with an ID token."""
    ready, live = ({"httpGet": {"path": path, "port": HTTP_PORTS["gateway"]}}
                   for path in ("/health/ready", "/health/live"))
    clients, size = values["clients"], values["gateway"]
    flags = {
        "coordinator": coordinator_url(values),
        "coordinator_identity": "metadata", "coordinator_audience": coordinator_url(values),
        "auth": "jwt", "auth_jwks": clients["jwks"], "auth_issuer": clients["issuer"],
        "auth_audience": clients["audience"],
        "sessions_max": size["sessions_max"],
        "upgrades_per_second_max": size["upgrades_per_second_max"],
        "backend": values["backend"]}
    app = container(values, "gateway", flags, {"startup": ready, "liveness": live}, "http1")
    volumes = []
    if "webhook_key" in values["secrets"]:
        app["args"].append(f"--webhook_key_file={WEBHOOK_KEY_FILE}")
        mount(app, volumes, "webhook", values["secrets"]["webhook_key"], WEBHOOK_KEY_FILE)
    return service(values, "gateway", app, volumes, {})
