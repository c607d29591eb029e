#!/bin/sh
# Creates the namespace and Slipway's search attributes. Safe to run again.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"

# Tries a command every two seconds, at most sixty times.
patiently() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || exit 1
    sleep 2
  done
}
namespace() {
  temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "${TEMPORAL_RETENTION:-30d}"
}

patiently temporal operator cluster health
patiently namespace
for attribute in SlipwayPipeline SlipwayModel SlipwayStage SlipwayCommit SlipwayVerdict; do
  patiently temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" --name "$attribute" --type Keyword
done
