#!/usr/bin/python3
"""What deploy/cloudrun makes of its values: every line that Cloud Run's habits ask for is there."""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"])
CLOUDRUN = SOURCE / "deploy" / "cloudrun"
EXAMPLE = CLOUDRUN / "example"
sys.path.insert(0, str(CLOUDRUN))

import render  # noqa: E402
import values  # noqa: E402

VALUES = yaml.safe_load((CLOUDRUN / "values.yaml").read_text(encoding="utf-8"))
KINDS = ("coordinator", "gateway")
# What Cloud Run knows of serving.knative.dev/v1; a misspelt annotation is passed over in silence.
SERVICE_ANNOTATIONS = {"run.googleapis.com/ingress", "run.googleapis.com/minScale",
                       "run.googleapis.com/maxScale"}
TEMPLATE_ANNOTATIONS = {
    "run.googleapis.com/cpu-throttling", "run.googleapis.com/startup-cpu-boost",
    "run.googleapis.com/sessionAffinity", "run.googleapis.com/container-dependencies",
    "run.googleapis.com/network-interfaces", "run.googleapis.com/vpc-access-egress"}
CONTAINER_FIELDS = {"name", "image", "args", "ports", "resources", "startupProbe", "livenessProbe",
                    "volumeMounts"}
STARTUP_S_MAX = 240  # Cloud Run's, for failureThreshold x periodSeconds
RESERVED = re.compile(r"z$|^/eventlog|^/_ah/")
ROLES = {"gateway", "publisher", "reader", "operator"}


def flags_of_program(kind):
    text = subprocess.run([BIN / f"interlock-{kind}", "--help"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=True).stdout
    return set(re.findall(r"^  --(\w+)", text, re.M))


class Services(unittest.TestCase):
    def setUp(self):
        self.service = {kind: yaml.safe_load((EXAMPLE / f"{kind}.yaml").read_text())
                        for kind in KINDS}
        self.template = {kind: one["spec"]["template"] for kind, one in self.service.items()}
        self.app = {kind: one["spec"]["containers"][0] for kind, one in self.template.items()}

    def flags(self, kind):
        return dict(argument[2:].split("=", 1) for argument in self.app[kind]["args"])

    def annotations(self, kind):
        return self.template[kind]["metadata"]["annotations"]

    def test_the_example_is_what_the_script_makes(self):
        made = render.rendered(values.load((CLOUDRUN / "values.yaml").read_text()))
        kept = {file.name: file.read_text(encoding="utf-8") for file in EXAMPLE.iterdir()}
        self.assertEqual(kept, made, "run deploy/cloudrun/render.py")

    def test_only_what_cloud_run_knows_is_written(self):
        for kind in KINDS:
            found = self.service[kind]
            self.assertEqual((found["apiVersion"], found["kind"]),
                             ("serving.knative.dev/v1", "Service"))
            self.assertLessEqual(set(found["metadata"]["annotations"]), SERVICE_ANNOTATIONS)
            self.assertLessEqual(set(self.annotations(kind)), TEMPLATE_ANNOTATIONS)
            for container in self.template[kind]["spec"]["containers"]:
                self.assertLessEqual(set(container), CONTAINER_FIELDS)

    def test_traffic_is_left_to_the_rollout(self):
        for kind in KINDS:
            self.assertEqual(set(self.service[kind]["spec"]), {"template"})

    def test_grpc_comes_as_h2c_to_the_coordinator_and_sockets_as_http_1_to_the_gateway(self):
        self.assertEqual(self.app["coordinator"]["ports"],
                         [{"name": "h2c", "containerPort": 8080}])
        self.assertEqual(self.app["gateway"]["ports"], [{"name": "http1", "containerPort": 8080}])

    def test_only_one_container_takes_requests(self):
        for kind in KINDS:
            takers = [one for one in self.template[kind]["spec"]["containers"] if "ports" in one]
            self.assertEqual(len(takers), 1)

    def test_sockets_and_streams_may_last_an_hour(self):
        for kind in KINDS:
            self.assertEqual(self.template[kind]["spec"]["timeoutSeconds"], 3600)

    def test_affinity_is_off_and_there_is_cpu_outside_of_requests(self):
        for kind in KINDS:
            self.assertEqual(self.annotations(kind)["run.googleapis.com/sessionAffinity"], "false")
            self.assertEqual(self.annotations(kind)["run.googleapis.com/cpu-throttling"], "false")

    def test_there_are_two_of_each_and_refusals_are_ours(self):
        for kind in KINDS:
            scale = self.service[kind]["metadata"]["annotations"]
            self.assertGreaterEqual(int(scale["run.googleapis.com/minScale"]), 2)
        concurrency = self.template["gateway"]["spec"]["containerConcurrency"]
        self.assertLess(int(self.flags("gateway")["sessions_max"]), concurrency)

    def test_only_the_coordinator_is_in_the_vpc_and_only_with_private_addresses(self):
        interfaces = json.loads(
            self.annotations("coordinator")["run.googleapis.com/network-interfaces"])
        self.assertEqual(interfaces, [{"network": "default", "subnetwork": "interlock"}])
        self.assertEqual(self.annotations("coordinator")["run.googleapis.com/vpc-access-egress"],
                         "private-ranges-only")
        self.assertNotIn("run.googleapis.com/network-interfaces", self.annotations("gateway"))

    def test_probes_speak_what_the_port_speaks_and_keep_to_the_bounds(self):
        for kind, how in (("coordinator", "grpc"), ("gateway", "httpGet")):
            for name in ("startupProbe", "livenessProbe"):
                probe = self.app[kind][name]
                self.assertIn(how, probe)
                self.assertLessEqual(probe["timeoutSeconds"], probe["periodSeconds"])
                path = probe[how].get("path", "/x")
                self.assertIsNone(RESERVED.search(path), path)
            startup = self.app[kind]["startupProbe"]
            seconds = startup["periodSeconds"] * startup["failureThreshold"]
            self.assertGreater(seconds, 120)  # Direct VPC egress may take a minute and more
            self.assertLess(seconds, STARTUP_S_MAX)

    def test_metrics_are_where_probes_and_sidecar_look(self):
        for kind in KINDS:
            monitoring = yaml.safe_load((EXAMPLE / f"sidecar_{kind}.yaml").read_text())
            endpoint, = monitoring["spec"]["endpoints"]
            self.assertEqual(self.flags(kind)["http_listen"], f"0.0.0.0:{endpoint['port']}")
            self.assertEqual(endpoint["path"], "/metrics")
            collector = self.template[kind]["spec"]["containers"][1]
            self.assertEqual(collector["name"], "collector")
            self.assertEqual(collector["volumeMounts"][0]["mountPath"], "/etc/rungmp")
            self.assertEqual(
                json.loads(self.annotations(kind)["run.googleapis.com/container-dependencies"]),
                {"collector": ["app"]})
        self.assertEqual(self.app["gateway"]["livenessProbe"]["httpGet"]["port"], 8090)

    def test_secrets_are_mounted_files_and_each_flag_finds_its_own(self):
        for kind in KINDS:
            spec = self.template[kind]["spec"]
            self.assertNotIn("env", json.dumps(spec).replace("environment", ""))
            files = {}
            for container in spec["containers"]:
                for mount in container["volumeMounts"]:
                    volume, = [one for one in spec["volumes"] if one["name"] == mount["name"]]
                    item, = volume["secret"]["items"]
                    files[f"{mount['mountPath']}/{item['path']}"] = volume["secret"]["secretName"]
            folders = [path.rpartition("/")[0] for path in files]
            self.assertEqual(len(folders), len(set(folders)), "two secrets cannot share a folder")
            named = {value for value in self.flags(kind).values() if value.startswith("/")}
            self.assertEqual(named, set(files) - {"/etc/rungmp/config.yaml"})

    def test_every_flag_exists_in_the_program(self):
        for kind in KINDS:
            known = flags_of_program(kind)
            identity = {"auth_jwks", "auth_issuer", "auth_audience", "roles_file",
                        "coordinator_identity", "coordinator_audience"}
            # A build from before key sets has none of these; one that has some must have all.
            missing = set(self.flags(kind)) - known
            if not known & identity:
                missing -= identity
            self.assertEqual(missing, set(), kind)

    def test_the_listener_is_left_to_the_port_that_cloud_run_names(self):
        for kind in KINDS:
            self.assertNotIn("listen", self.flags(kind))

    def test_the_audience_is_the_same_on_both_sides(self):
        url = self.flags("coordinator")["auth_audience"]
        self.assertTrue(url.startswith("https://interlock-coordinator-"))
        self.assertEqual(self.flags("gateway")["coordinator_audience"], url)
        self.assertEqual(self.flags("gateway")["coordinator"], url)

    def test_each_runs_as_an_account_of_its_own(self):
        accounts = {kind: self.template[kind]["spec"]["serviceAccountName"] for kind in KINDS}
        self.assertEqual(accounts["gateway"],
                         "interlock-gateway@example-project.iam.gserviceaccount.com")
        self.assertEqual(len(set(accounts.values())), 2)


class Access(unittest.TestCase):
    def test_who_has_a_role_may_call_the_coordinator_and_nobody_else(self):
        roles = json.loads((EXAMPLE / "roles.json").read_text())
        binding, = yaml.safe_load((EXAMPLE / "coordinator_policy.yaml").read_text())["bindings"]
        self.assertEqual(binding["role"], "roles/run.invoker")
        self.assertEqual({f"serviceAccount:{one['email']}" for one in roles},
                         set(binding["members"]))
        self.assertNotIn("all", " ".join(binding["members"]).split("@")[0])
        self.assertLessEqual({one["role"] for one in roles}, ROLES)

    def test_an_account_with_two_roles_is_named_once_where_it_may_call(self):
        found = copy.deepcopy(VALUES)
        found["readers"] = found["publishers"]
        members = render.access.coordinator_policy(found)["bindings"][0]["members"]
        self.assertEqual(len(members), len(set(members)))

    def set_up(self, part, there):
        """What gcloud was asked, when what it is asked to describe is there or not."""
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "gcloud"
            fake.write_text('#!/bin/sh\necho "$@" >>"$0.log"\n'
                            f'case "$*" in *describe*) exit {0 if there else 1} ;; esac\n')
            fake.chmod(0o755)
            done = subprocess.run([CLOUDRUN / "set_up.sh", EXAMPLE, part], timeout=60, text=True,
                                  env={**os.environ, "GCLOUD": str(fake)}, capture_output=True,
                                  stdin=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            log = fake.with_suffix(".log")
            return log.read_text().splitlines() if log.exists() else []

    def test_accounts_are_made_once_and_read_their_own_secrets_only(self):
        created = [line for line in self.set_up("accounts", False) if " create " in line]
        self.assertEqual(len(created), 4 + 5)
        again = self.set_up("accounts", True)
        self.assertEqual([line for line in again if " create " in line], [])
        readers = dict(re.findall(r"secrets add-iam-policy-binding (\S+) .*interlock-(\w+)@",
                                  "\n".join(again)))
        self.assertEqual(readers["interlock-store-url"], "coordinator")
        self.assertEqual(readers["interlock-webhook-key"], "gateway")
        self.assertEqual(len(readers), 5)

    def test_secrets_are_made_of_files_that_are_there(self):
        for line in self.set_up("secrets", True):
            file = re.search(r"--data-file=(\S+)", line)[1]
            self.assertTrue(pathlib.Path(file).is_file(), line)

    def test_who_may_call_is_set_as_a_whole(self):
        lines = self.set_up("invokers", True)
        self.assertEqual([line.split()[2] for line in lines], ["set-iam-policy"] * 2)

    def test_another_part_is_refused(self):
        done = subprocess.run([CLOUDRUN / "set_up.sh", EXAMPLE, "everything"], timeout=20, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("which part", done.stderr)


class Managed(unittest.TestCase):
    def test_cloud_deploy_takes_the_steps_of_the_script_and_the_rendered_services(self):
        documents = list(yaml.safe_load_all((EXAMPLE / "clouddeploy.yaml").read_text()))
        skaffold = yaml.safe_load((EXAMPLE / "skaffold.yaml").read_text())
        profiles = {one["name"]: one["manifests"]["rawYaml"] for one in skaffold["profiles"]}
        pipelines = [one for one in documents if one["kind"] == "DeliveryPipeline"]
        self.assertEqual(len(pipelines), 2)
        targets = {one["metadata"]["name"] for one in documents if one["kind"] == "Target"}
        for one in pipelines:
            stage, = one["serialPipeline"]["stages"]
            canary = stage["strategy"]["canary"]
            self.assertIn(stage["targetId"], targets)
            self.assertEqual(canary["canaryDeployment"]["percentages"], [5, 25, 50])
            self.assertTrue(canary["runtimeConfig"]["cloudRun"]["automaticTrafficControl"])
            for profile in stage["profiles"]:
                for name in profiles[profile]:
                    self.assertTrue((EXAMPLE / name).is_file())
        repairs = [rule for one in documents if one["kind"] == "Automation"
                   for rule in one["rules"] if "repairRolloutRule" in rule]
        self.assertEqual(len(repairs), 2)


def paths(shape, path=()):
    for name, kind in shape.items():
        yield (*path, name)
        if isinstance(kind, dict):
            yield from paths(kind, (*path, name))


def changed(path, change):
    found = copy.deepcopy(VALUES)
    place = found
    for name in path[:-1]:
        place = place[name]
    change(place, path[-1])
    return yaml.safe_dump(found)


def misspell(place, name):
    place[name + "s"] = place.pop(name)


class Page(unittest.TestCase):
    """README.md here, which is what people deploy by."""

    def setUp(self):
        self.text = (CLOUDRUN / "README.md").read_text(encoding="utf-8")

    def test_every_setting_is_explained_with_what_it_costs_to_change_it(self):
        explained = {name for line in self.text.splitlines()
                     if line.startswith("| `") and line.count("|") == 4
                     for name in re.findall(r"`([a-z_.]+)`", line.split("|")[1])}
        leaves = {".".join(path) for path in paths(values.SHAPE)
                  if not isinstance(shape_at(path), dict)}
        self.assertEqual(leaves - explained, set())

    def test_every_gate_and_exit_status_is_explained(self):
        sys.path.insert(0, str(SOURCE / "deploy" / "rollout"))
        import gates
        import rollout
        for gate in gates.GATES:
            allowed = f"{100 * gate.floor:.0f} %" if gate.floor else "none"
            self.assertRegex(self.text, rf"\| `{gate.name}` \| .+ \| {allowed} \|")
        for status in (rollout.DONE, rollout.WENT_BACK, rollout.REFUSED, rollout.SET_BY_OTHERS,
                       rollout.NOT_VERIFIED):
            self.assertIn(f"\n| {status} | ", self.text)

    def test_alerts_that_it_names_are_there(self):
        rules = (SOURCE / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
        named = set(re.findall(r"Interlock[A-Z]\w+", self.text))
        self.assertGreater(len(named), 5)
        self.assertEqual({name for name in named if f"alert: {name}\n" not in rules}, set())


def shape_at(path):
    found = values.SHAPE
    for name in path:
        found = found[name]
    return found


class Values(unittest.TestCase):
    def assert_refused(self, text, *words):
        with self.assertRaises(values.Refused) as refused:
            values.load(text)
        for word in words:
            self.assertIn(word, str(refused.exception))

    def test_a_misspelt_line_is_refused_and_the_right_one_named(self):
        for path in paths(values.SHAPE):
            with self.subTest(path=path):
                self.assert_refused(changed(path, misspell), ".".join(path) + "s is not known",
                                    f"did you mean {path[-1]}?")

    def test_a_missing_line_is_refused(self):
        for path in paths(values.SHAPE):
            if ".".join(path) not in values.OPTIONAL:
                with self.subTest(path=path):
                    self.assert_refused(changed(path, lambda place, name: place.pop(name)),
                                        ".".join(path) + " is missing")

    def test_a_line_of_another_kind_is_refused(self):
        for path in paths(values.SHAPE):
            with self.subTest(path=path):
                self.assert_refused(changed(path, lambda place, name: place.update({name: None})),
                                    ".".join(path))

    def test_what_would_hurt_is_refused(self):
        for path, value, words in (
                ("coordinator.min_instances", 1, "2 or more"),
                ("coordinator.min_instances", 9, "above coordinator.max_instances"),
                ("gateway.sessions_max", 1000, "below gateway.concurrency"),
                ("gateway.concurrency", 1001, "1 to 1000"),
                ("gateway.upgrades_per_second_max", 900, "1 to 800"),
                ("gateway.cpu", 3, "1, 2, 4"), ("gateway.memory_mib", 64, "512 to 32768"),
                ("gateway.memory_mib", "1Gi", "whole number"), ("project", " x", "a text"),
                ("images.gateway", "x/gateway:latest", "by digest"),
                ("publishers", ["group:x@y.z"], "tokens name no groups"),
                ("operators", ["x@y.z"], "user:EMAIL"), ("backend", "http://x", "https://"),
                ("backend", "agents:7500", "webhook_key"),
                ("coordinator.flags", {"Bad-Name": 1}, "flags")):
            with self.subTest(path=path, value=value):
                self.assert_refused(changed(tuple(path.split(".")),
                                            lambda place, name, v=value: place.update({name: v})),
                                    words)

    def test_nonsense_is_refused_with_a_sentence(self):
        for text in ("", "[]", "3", "a: [", "project: x"):
            with self.subTest(text=text):
                self.assert_refused(text)

    def test_the_program_says_what_is_wrong_and_writes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "v.yaml"
            file.write_text(changed(("region",), misspell))
            done = subprocess.run(["/usr/bin/python3", CLOUDRUN / "render.py", f"--values={file}",
                                   f"--out={folder}/out"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=20, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("did you mean region?", done.stderr)
            self.assertFalse((pathlib.Path(folder) / "out").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
