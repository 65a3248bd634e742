"""The managed alternative to rollout.sh: Cloud Deploy moves the same steps, and goes back when a
deployment fails. It looks at no metrics of ours: that is what it costs.
"""

from access import account

STEPS = (5, 25, 50)  # and then all
WAIT = "600s"
KINDS = ("coordinator", "gateway")


def pipeline(kind):
    return {
        "apiVersion": "deploy.cloud.google.com/v1", "kind": "DeliveryPipeline",
        "metadata": {"name": f"interlock-{kind}"},
        "serialPipeline": {"stages": [{
            "targetId": "interlock", "profiles": [kind],
            "strategy": {"canary": {
                "runtimeConfig": {"cloudRun": {"automaticTrafficControl": True}},
                "canaryDeployment": {"percentages": list(STEPS), "verify": False}}}}]}}


def automation(values, kind):
    return {
        "apiVersion": "deploy.cloud.google.com/v1", "kind": "Automation",
        "metadata": {"name": f"interlock-{kind}/steps"},
        "serviceAccount": account(values, "deployer"),
        "selector": {"targets": [{"id": "interlock"}]},
        "rules": [
            {"advanceRolloutRule": {
                "name": "advance", "wait": WAIT,
                "sourcePhases": [f"canary-{percent}" for percent in STEPS]}},
            {"repairRolloutRule": {"name": "repair", "repairPhases": [{"rollback": {}}]}}]}


def target(values):
    return {
        "apiVersion": "deploy.cloud.google.com/v1", "kind": "Target",
        "metadata": {"name": "interlock"},
        "run": {"location": f"projects/{values['project']}/locations/{values['region']}"},
        "executionConfigs": [{"usages": ["RENDER", "DEPLOY"],
                              "serviceAccount": account(values, "deployer")}]}


def clouddeploy(values):
    """The documents of clouddeploy.yaml."""
    return [target(values), *(pipeline(kind) for kind in KINDS),
            *(automation(values, kind) for kind in KINDS)]


def skaffold():
    """A profile for each service: they are released one at a time."""
    return {
        "apiVersion": "skaffold/v4beta7", "kind": "Config", "metadata": {"name": "interlock"},
        "deploy": {"cloudrun": {}},
        "profiles": [{"name": kind, "manifests": {"rawYaml": [f"{kind}.yaml"]}} for kind in KINDS]}
