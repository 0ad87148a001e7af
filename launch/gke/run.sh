#!/usr/bin/env bash
# Runs a command on TPU slices of a GKE cluster, as a JobSet.
#
#   launch/gke/run.sh [options] -- COMMAND...
#   launch/gke/run.sh --name base --image REGION-docker.pkg.dev/PROJECT/t5/t5 --topology v5e:4x4 -- \
#     python -m t5x.train --gin_file=gin/base.gin --gin.MODEL_DIR="'gs://BUCKET/base'"
#
# Fills in launch/gke/jobset.yaml, applies it with kubectl, and prints the commands that watch and end
# the run. The cluster has JobSet, Cloud Storage FUSE and a TPU node pool a slice: docs/tpu.md.
#
# gs://BUCKET in the command is the bucket's mount in the Pods, /gcs/BUCKET.
#
#   --name NAME             of the JobSet
#   --image IMAGE           with this package installed (launch/gke/Dockerfile)
#   --topology SLICE        such as v5e:4x4 (also v4, v5p, v6e), as preflight takes it
#   --slices N              several slices as one job, joined along the data axis (1)
#   --chips-per-host N      of the node pool's machines (4; 1x1: 1)
#   --namespace NAME        of Kubernetes (default)
#   --service-account NAME  Kubernetes' account that may read and write the buckets (default)
#   --spot                  take Spot nodes alone
#   --queue NAME            Kueue's local queue; of clusters that xpk made: multislice-queue
#   --secret NAME=SECRET    an environment variable, key NAME of the Kubernetes secret; repeatable
#   --restarts N            of the whole run after failures (100)
#   --dry-run               print the manifest and the commands, and run none

set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=../common.sh
. "$here/../common.sh"

name='' image='' slice='' slices=1 per_host='' namespace=default service_account=default
spot=no queue='' restarts=100 secrets=()

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --name) name=$(value "$@"); shift 2 ;;
      --image) image=$(value "$@"); shift 2 ;;
      --topology) slice=$(value "$@"); shift 2 ;;
      --slices) slices=$(value "$@"); shift 2 ;;
      --chips-per-host) per_host=$(value "$@"); shift 2 ;;
      --namespace) namespace=$(value "$@"); shift 2 ;;
      --service-account) service_account=$(value "$@"); shift 2 ;;
      --spot) spot=yes; shift ;;
      --queue) queue=$(value "$@"); shift 2 ;;
      --secret) check_secret "$(value "$@")" && secrets+=("$2"); shift 2 ;;
      --restarts) restarts=$(value "$@"); shift 2 ;;
      --dry-run) dry_run=yes; shift ;;
      -h | --help) usage; exit 0 ;;
      --) shift; break ;;
      *) fail "'$1' is no option of this script. Options come before --, the command after it." ;;
    esac
  done
  check_command "$@"
  find_buckets "$@"
  check_options
}

check_options() {
  check_name --name "$name"
  check_name --namespace "$namespace"
  check_name --service-account "$service_account"
  [[ -z $queue ]] || check_name --queue "$queue"
  [[ $image =~ ^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$ ]] ||
    fail "--image is '$image': give one that holds this package, such as the one that" \
      "launch/gke/Dockerfile makes."
  describe_slice "$slice"
  check_number --slices "$slices"
  check_number --restarts "$restarts"
  per_host=${per_host:-$((chips < 4 ? chips : 4))}
  check_number --chips-per-host "$per_host"
  [[ $((chips % per_host)) -eq 0 ]] ||
    fail "--chips-per-host is $per_host, which does not divide the $chips chips of $slice."
  [[ $dry_run == yes ]] || command -v kubectl >/dev/null ||
    fail "kubectl is not installed: gcloud components install kubectl."
}

# JSON, which is YAML too: a string, a list of what is JSON already, an object of such pairs.
json() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  [[ $text != *[[:cntrl:]]* ]] || fail "'$1' has a line break or another control character."
  printf '"%s"' "$text"
}

list() {
  local IFS=,
  printf '[%s]' "$*"
}

# Puts the values into the template.
manifest() {
  local filled=() words_json=() word text key
  local -A values
  for word in "${words[@]}"; do words_json+=("$(json "$word")"); done
  values=(
    [NAME]=$name [NAMESPACE]=$namespace [RESTARTS]=$restarts [SLICES]=$slices
    [HOSTS]=$((chips / per_host)) [CHIPS]=$per_host [IMAGE]=$(json "$image")
    [SERVICE_ACCOUNT]=$service_account [COMMAND]=$(list "${words_json[@]}")
    [LABELS]=$(labels) [NODES]=$(node_labels) [ENV]=$(environment)
    [MOUNTS]=$(mounts) [VOLUMES]=$(volumes)
  )
  text=$(<"$here/jobset.yaml")
  # Outside of values alone: a value may hold what looks like a place for another.
  while [[ $text =~ ^([^@]*)@([A-Z_]+)@(.*)$ ]]; do
    key=${BASH_REMATCH[2]}
    filled+=("${BASH_REMATCH[1]}" "${values[$key]}")
    text=${BASH_REMATCH[3]}
  done
  printf '%s' "${filled[@]}" "$text"
  echo
}

labels() {
  local queued=()
  [[ -z $queue ]] || queued=("\"kueue.x-k8s.io/queue-name\": $(json "$queue")")
  printf '{%s}' "${queued[*]}"
}

node_labels() {
  printf '{"cloud.google.com/gke-tpu-accelerator": "%s", "cloud.google.com/gke-tpu-topology": "%s"' \
    "$gke_accelerator" "$topology"
  [[ $spot == no ]] || printf ', "cloud.google.com/gke-spot": "true"'
  printf '}'
}

environment() {
  local secret entries=()
  for secret in "${secrets[@]}"; do
    entries+=("{\"name\": \"${secret%%=*}\", \"valueFrom\": {\"secretKeyRef\": {\"name\":\
 \"${secret#*=}\", \"key\": \"${secret%%=*}\"}}}")
  done
  list "${entries[@]}"
}

mounts() {
  local index entries=()
  for index in "${!buckets[@]}"; do
    entries+=("{\"name\": \"bucket-$index\", \"mountPath\": \"/gcs/${buckets[index]}\"}")
  done
  list "${entries[@]}"
}

# Other Pods' files must be seen at once, so nothing about them is remembered.
volumes() {
  local index entries=()
  local options=implicit-dirs,metadata-cache:ttl-secs:0,metadata-cache:negative-ttl-secs:0
  options+=,file-system:rename-dir-limit:100000
  for index in "${!buckets[@]}"; do
    entries+=("{\"name\": \"bucket-$index\", \"csi\": {\"driver\": \"gcsfuse.csi.storage.gke.io\",\
 \"volumeAttributes\": {\"bucketName\": \"${buckets[index]}\", \"mountOptions\": \"$options\"}}}")
  done
  list "${entries[@]}"
}

main() {
  local filled first
  parse "$@"
  if [[ $dry_run == yes ]]; then
    filled=jobset.yaml
    manifest
    echo ---
  else
    scratch=$(mktemp -d) filled=$scratch/jobset.yaml
    trap 'rm -r "$scratch"' EXIT
    manifest >"$filled"
  fi
  run kubectl apply --filename="$filled"
  first=jobset.sigs.k8s.io/jobset-name=$name,jobset.sigs.k8s.io/job-index=0
  first+=,batch.kubernetes.io/job-completion-index=0
  [[ $dry_run == yes ]] || say "$name is handed over; how it fares, what it prints, how to end it:"
  dry_run=yes
  run kubectl get jobset,pods --namespace="$namespace"
  run kubectl logs --namespace="$namespace" --follow --container=train --selector="$first"
  run kubectl delete jobset "$name" --namespace="$namespace"
}

main "$@"
