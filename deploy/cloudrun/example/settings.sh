# Made by render.py of the values; change those.
# shellcheck shell=bash disable=SC2034
project=example-project
region=europe-west4
operators=(
  group:on-call@example.com
)
mounted=(
  interlock-store-url:coordinator
  interlock-roles:coordinator
  interlock-coordinator-monitoring:coordinator
  interlock-gateway-monitoring:gateway
  interlock-webhook-key:gateway
)
made_of_files=(
  interlock-roles:roles.json
  interlock-coordinator-monitoring:sidecar_coordinator.yaml
  interlock-gateway-monitoring:sidecar_gateway.yaml
)
by_hand=(
  interlock-store-url
  interlock-webhook-key
)
