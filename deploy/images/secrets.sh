#!/usr/bin/env bash
# Makes the secrets of deploy/compose.yaml in a folder, once: nobody has to invent any, and none is
# in the repository.
#
#   secrets.sh FOLDER [POSTGRES_HOST]
set -euo pipefail
umask 077

readonly folder="${1:?which folder?}" postgres="${2:-postgres}"
readonly owner=10001 # of the programs in the images
readonly subject=demo token_days=30

random() { openssl rand -hex 32; }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# A token as an identity provider would give it to a client: HS256, with a subject and an end.
client_token() {
  local head body
  head="$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)"
  body="$(printf '{"sub":"%s","exp":%d}' "$subject" \
    $(($(date +%s) + token_days * 24 * 3600)) | base64url)"
  printf '%s.%s.%s' "$head" "$body" \
    "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary |
      base64url)"
}

if [[ -e "$folder/done" ]]; then exit 0; fi
password="$(random)"
gateway="$(random)"
publisher="$(random)"
operator="$(random)"
key="$(random)"
printf '%s' "$password" >"$folder/postgres.password"
printf 'postgres://interlock:%s@%s/interlock' "$password" "$postgres" >"$folder/store.url"
printf '[{"token":"%s","role":"gateway","subject":"gateway"},
{"token":"%s","role":"publisher","subject":"agent"},
{"token":"%s","role":"operator","subject":"operator"}]\n' \
  "$gateway" "$publisher" "$operator" >"$folder/tokens.json"
printf '%s' "$gateway" >"$folder/gateway.token"
printf '%s' "$publisher" >"$folder/agent.token"
printf '%s' "$operator" >"$folder/operator.token"
printf '%s' "$key" >"$folder/client.key"
client_token "$(printf '%s' "$key" | od -An -v -tx1 | tr -d ' \n')" >"$folder/client.jwt"
chown "$owner" "$folder"/*
chmod 0444 "$folder/postgres.password" # PostgreSQL has a user of its own
chmod 0755 "$folder"
: >"$folder/done"
