"""Who may do what: service accounts, who may call which service, and the coordinator's roles.

A caller of the coordinator passes two doors: Cloud Run asks IAM whether the account may call at
all, and the coordinator looks the account up in the roles file. Both are made of the same values.
"""

import shlex

OPERATOR = "operator"


def account(values, name):
    """The service account that a service runs as, or that operators act as."""
    return f"interlock-{name}@{values['project']}.iam.gserviceaccount.com"


def coordinator_url(values):
    """Known before the service is: Cloud Run makes it of name, project and region."""
    return f"https://interlock-coordinator-{values['project_number']}.{values['region']}.run.app"


def roles(values):
    """The coordinator's --roles_file. Tokens name accounts, never groups."""
    by_role = [("gateway", [account(values, "gateway")]), ("publisher", values["publishers"]),
               ("reader", values["readers"]), ("operator", [account(values, OPERATOR)])]
    return [{"email": email, "role": role} for role, emails in by_role for email in emails]


def coordinator_policy(values):
    """All there is: setting it takes everybody else out."""
    emails = list(dict.fromkeys(one["email"] for one in roles(values)))
    return {"bindings": [{"role": "roles/run.invoker",
                          "members": [f"serviceAccount:{email}" for email in emails]}]}


def gateway_policy():
    """Clients are not Google's: the gateway checks their tokens itself."""
    return {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}


def readers_of_secrets(values):
    """{secret: service} of what each service mounts."""
    names = values["secrets"]
    found = {names["store_url"]: "coordinator", names["roles"]: "coordinator",
             names["coordinator_monitoring"]: "coordinator",
             names["gateway_monitoring"]: "gateway"}
    if "webhook_key" in names:
        found[names["webhook_key"]] = "gateway"
    return found


def settings(values):
    """What set_up.sh needs to know, as assignments of bash."""
    names = values["secrets"]
    files = {names["roles"]: "roles.json",
             names["coordinator_monitoring"]: "sidecar_coordinator.yaml",
             names["gateway_monitoring"]: "sidecar_gateway.yaml"}
    by_hand = [secret for secret in readers_of_secrets(values) if secret not in files]
    mounted = [f"{secret}:{name}" for secret, name in readers_of_secrets(values).items()]
    made_of_files = [f"{secret}:{file}" for secret, file in files.items()]
    lines = ["# shellcheck shell=bash disable=SC2034",
             f"project={shlex.quote(values['project'])}", f"region={shlex.quote(values['region'])}",
             *array("operators", values["operators"]), *array("mounted", mounted),
             *array("made_of_files", made_of_files), *array("by_hand", by_hand)]
    return "\n".join(lines) + "\n"


def array(name, words):
    return [f"{name}=(", *(f"  {shlex.quote(word)}" for word in words), ")"]
