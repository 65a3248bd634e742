#!/usr/bin/env bash
# Accounts, rights and secrets for what render.py made in FOLDER. Running it again does no harm.
#
#   deploy/cloudrun/set_up.sh FOLDER accounts     who the services are, and what they may read
#   deploy/cloudrun/set_up.sh FOLDER secrets      new versions of those made of files in FOLDER
#   deploy/cloudrun/set_up.sh FOLDER invokers     who may call them: all others are taken out
#
# The first two come before the services are there, the third after that. GCLOUD names another
# command than gcloud.
set -euo pipefail

readonly services=(coordinator gateway)
readonly accounts_made=(coordinator gateway operator deployer)
readonly apis=(run secretmanager artifactregistry monitoring iamcredentials compute clouddeploy)
# What a service itself may do: write its logs, its metrics and its traces.
readonly own_roles=(logging.logWriter monitoring.metricWriter cloudtrace.agent)
# What Cloud Deploy may do, and rollout.sh where it runs as this account.
readonly deployer_roles=(run.developer clouddeploy.jobRunner monitoring.viewer logging.logWriter)
read -r -a gcloud <<<"${GCLOUD:-gcloud}"
project=''
region=''
operators=()
mounted=() # SECRET:SERVICE
made_of_files=() # SECRET:FILE
by_hand=() # SECRET

die() {
  printf 'set_up: %s\n' "$*" >&2
  exit 2
}

run() {
  printf 'set_up: gcloud %s\n' "$*"
  "${gcloud[@]}" "$@" --project="$project" --quiet
}

# Whether gcloud finds it; what is there already is left.
is_there() { "${gcloud[@]}" "$@" --project="$project" --quiet >/dev/null 2>&1; }

email_of() { printf 'interlock-%s@%s.iam.gserviceaccount.com' "$1" "$project"; }

give_role() {
  run projects add-iam-policy-binding "$project" --condition=None --role="roles/$2" \
    --member="serviceAccount:$(email_of "$1")"
}

let_act_as() {
  run iam service-accounts add-iam-policy-binding "$(email_of "$1")" --role="roles/$2" \
    --member="$3"
}

accounts() {
  local name role one
  run services enable "${apis[@]/%/.googleapis.com}"
  for name in "${accounts_made[@]}"; do
    is_there iam service-accounts describe "$(email_of "$name")" ||
      run iam service-accounts create "interlock-$name"
  done
  for name in "${services[@]}"; do
    for role in "${own_roles[@]}"; do give_role "$name" "$role"; done
    let_act_as "$name" iam.serviceAccountUser "serviceAccount:$(email_of deployer)"
  done
  for role in "${deployer_roles[@]}"; do give_role deployer "$role"; done
  # Tokens name no groups and no people that the coordinator could check: they act as this account.
  for one in "${operators[@]}"; do let_act_as operator iam.serviceAccountTokenCreator "$one"; done
  for one in "${mounted[@]}"; do
    is_there secrets describe "${one%%:*}" ||
      run secrets create "${one%%:*}" --replication-policy=automatic
    run secrets add-iam-policy-binding "${one%%:*}" --role=roles/secretmanager.secretAccessor \
      --member="serviceAccount:$(email_of "${one##*:}")"
  done
}

secrets() {
  local one
  for one in "${made_of_files[@]}"; do
    run secrets versions add "${one%%:*}" --data-file="$folder/${one##*:}"
  done
  for one in "${by_hand[@]}"; do
    printf 'set_up: by hand: gcloud secrets versions add %s --project=%s --data-file=FILE\n' \
      "$one" "$project"
  done
}

invokers() {
  local name
  for name in "${services[@]}"; do
    run run services set-iam-policy "interlock-$name" "$folder/${name}_policy.yaml" \
      --region="$region"
  done
}

main() {
  [[ $# -eq 2 && "$2" =~ ^(accounts|secrets|invokers)$ ]] ||
    die "which folder of render.py, and which part: accounts, secrets or invokers?"
  [[ -r "$1/settings.sh" ]] || die "$1 has no settings.sh: run render.py --out $1 first."
  folder="$1"
  # shellcheck source=deploy/cloudrun/example/settings.sh
  source "$folder/settings.sh"
  "$2"
}

main "$@" </dev/null
