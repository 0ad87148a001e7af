#!/usr/bin/env bash
# Runs a command on a Cloud TPU from the request to the deletion, preemptions included.
#
#   launch/tpu_vm.sh [options] -- COMMAND...
#   launch/tpu_vm.sh --name base --zone us-west4-a --topology v5e:2x4 --spot -- \
#     python -m t5x.train --gin_file=gin/base.gin --gin.MODEL_DIR="'gs://BUCKET/base'"
#
# Requests the TPU as a queued resource, waits for it, installs this checkout on all workers, starts
# the command there in the background, and prints what worker 0 prints. A TPU that is preempted is
# requested again, and a command that lost its peers started again: both go on from the newest
# checkpoint. When the command ends, fails, or at Ctrl-C (which has it save first), the TPU is
# deleted. Started again with the same --name, the script attaches to what is there.
#
# gs://BUCKET in the command is the bucket's mount on the workers, /gcs/BUCKET.
#
#   --name NAME             of the queued resource and its TPU
#   --zone ZONE             such as us-west4-a
#   --topology SLICE        such as v5e:2x4 (also v4, v5p, v6e), as preflight takes it
#   --project PROJECT       (gcloud's own setting)
#   --slices N              several slices as one job, joined along the data axis (1)
#   --spot                  cheaper, and may be preempted
#   --reserved              from the project's reservation
#   --valid-until DURATION  give up when none is free after, such as 6h (wait for ever)
#   --runtime VERSION       of the TPU's software (the one for the slice's generation)
#   --service-account MAIL  that the workers act as (Compute Engine's default)
#   --network, --subnetwork NAME
#   --secret NAME=SECRET    an environment variable from a secret of Secret Manager's; repeatable
#   --restarts N            of the command, and requests after preemptions, at most (100)
#   --poll SECONDS          between two looks at the TPU's state (30)
#   --keep                  do not delete the TPU at the end; Ctrl-C leaves the command running
#   --dry-run               print the commands and run none
#
# Exit code: the command's own; 130 after Ctrl-C, 2 for wrong usage, 1 when the TPU cannot be had.

set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name='' zone='' slice='' project='' slices=1 runtime_version='' service_account=''
restarts=100 poll=30 keep=no
request=() secrets=()

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --name) name=$(value "$@"); shift 2 ;;
      --zone) zone=$(value "$@"); shift 2 ;;
      --topology) slice=$(value "$@"); shift 2 ;;
      --project) project=$(value "$@"); shift 2 ;;
      --slices) slices=$(value "$@"); shift 2 ;;
      --spot | --reserved) request+=("$1"); shift ;;
      --valid-until) request+=(--valid-until-duration="$(value "$@")"); shift 2 ;;
      --network | --subnetwork) request+=("$1=$(value "$@")"); shift 2 ;;
      --runtime) runtime_version=$(value "$@"); shift 2 ;;
      --service-account) service_account=$(value "$@"); shift 2 ;;
      --secret) check_secret "$(value "$@")" && secrets+=("$1" "$2"); shift 2 ;;
      --restarts) restarts=$(value "$@"); shift 2 ;;
      --poll) poll=$(value "$@"); shift 2 ;;
      --keep) keep=yes; shift ;;
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
  [[ $zone =~ ^[a-z]+-[a-z]+[0-9]+-[a-z]$ ]] || fail "--zone is '$zone': give one such as us-west4-a."
  [[ -n $slice ]] || fail "--topology is missing: give the slice, such as v5e:2x4."
  describe_slice "$slice"
  check_number --slices "$slices"
  check_number --restarts "$restarts"
  check_number --poll "$poll"
  where=(--zone="$zone")
  [[ -z $project ]] || where+=(--project="$project")
  [[ $dry_run == yes ]] || command -v gcloud >/dev/null ||
    fail "gcloud is not installed: see https://cloud.google.com/sdk/docs/install."
}

# ------------------------------------------------------------------------ what is asked of gcloud

# Runs gcloud so that a signal to this script is heard at once; in a dry run prints the command.
tpus() {
  if [[ $dry_run == yes ]]; then
    run gcloud compute tpus "$@" "${where[@]}"
  else
    gcloud compute tpus "$@" "${where[@]}" &
    child=$!
    wait "$child"
  fi
}

# Runs tpu_worker.sh on worker 0 or on all. A connection without an answer ends after a minute.
on_workers() {
  local workers=$1
  shift
  tpus queued-resources ssh "$name" --node="$workers" --worker="$workers" \
    --ssh-flag='-o ServerAliveInterval=15' --ssh-flag='-o ServerAliveCountMax=4' \
    --command="$(quoted bash tpu_worker.sh "$@")"
}

create() {
  local nodes=(--node-id="$name") account=()
  [[ $slices == 1 ]] || nodes=(--node-count="$slices" --node-prefix="$name")
  [[ -z $service_account ]] || account=(--service-account="$service_account")
  tpus queued-resources create "$name" --accelerator-type="$accelerator" \
    --runtime-version="${runtime_version:-$runtime}" "${nodes[@]}" "${request[@]}" "${account[@]}" \
    --scopes=https://www.googleapis.com/auth/cloud-platform
}

delete() {
  say "deleting $name"
  tpus queued-resources delete "$name" --force --quiet
}

# Prints the state of the queued resource, or of its first slice that is not READY; NONE when there
# is no such resource, UNKNOWN when gcloud cannot tell.
state() {
  local found node node_state
  if ! found=$(tpus queued-resources describe "$name" --format='value(state.state)' 2>"$errors"); then
    if grep -q NOT_FOUND "$errors"; then found=NONE; else found=UNKNOWN; fi
  elif [[ $found == ACTIVE ]]; then
    for node in $(nodes); do
      node_state=$(tpus tpu-vm describe "$node" --format='value(state)' 2>"$errors") || found=UNKNOWN
      [[ ${node_state:-UNKNOWN} == READY ]] || found=${node_state:-UNKNOWN}
    done
  fi
  echo "$found"
}

nodes() {
  if [[ $slices == 1 ]]; then echo "$name"; else seq -f "$name-%g" 0 $((slices - 1)); fi
}

# Prints how the command fares on worker 0.
outcome() {
  on_workers 0 status 2>"$errors" || echo unreachable
}

# ------------------------------------------------------------------------------ the story of a run

# Explains why a request was refused, and ends.
refused() {
  cat "$errors" >&2
  created=no
  if grep -qiE 'quota|RESOURCE_EXHAUSTED' "$errors"; then
    say "the project's quota does not cover $slices x $slice in $zone. Ask for more at" \
      "https://console.cloud.google.com/iam-admin/quotas (Cloud TPU API; --spot has a quota of its" \
      "own), or take a smaller --topology or another --zone."
  elif grep -qi 'PERMISSION_DENIED' "$errors"; then
    say "the account may not request TPUs. Enable the API (gcloud services enable" \
      "tpu.googleapis.com), and give the account the roles that docs/tpu.md lists."
  fi
  exit 1
}

install() {
  say "installing on all workers"
  tpus queued-resources scp "$wheel" "$root/launch/tpu_worker.sh" "$name:" --node=all --worker=all &&
    on_workers all install "${wheel##*/}" "${buckets[@]}"
}

# Installs, starts the command on all workers unless it runs, and prints what it prints until it or
# the connection ends.
train() {
  if [[ $(outcome) != running ]]; then
    if [[ $installed == no ]]; then
      install || return 0
      installed=yes
    fi
    say "starting the command on all workers"
    on_workers all start "${secrets[@]}" "${words[@]}" || return 0
  fi
  started=yes
  on_workers 0 follow || true
}

# Ends the story, or has it go on, by how the command fares.
judge() {
  local result
  result=$(outcome)
  case $result in
    0)
      say "the command has done its work"
      exit 0
      ;;
    75 | 134 | 137 | 143 | lost) again "the command ended ($result) and can go on" ;;
    running | none | unreachable)
      if [[ $installed == no && $started == no && $(state) == ACTIVE ]]; then
        say "installing failed; what went wrong stands above"
        exit 1
      fi
      again "worker 0 is not heard ($result)"
      ;;
    *)
      say "the command failed with code $result; the last lines of each worker:"
      on_workers all log || true
      exit "$result"
      ;;
  esac
}

# Counts what is tried again.
again() {
  ((attempts += 1))
  if ((attempts > restarts)); then
    say "$1; --restarts $restarts is used up"
    exit 1
  fi
  say "$1; trying again ($attempts of at most $restarts)"
  pause
}

pause() {
  sleep "$poll" &
  child=$!
  wait "$child"
}

story() {
  local now last=''
  while true; do
    now=$(state)
    [[ $now == "$last" ]] || say "$name is $now"
    last=$now
    case $now in
      NONE)
        created=yes installed=no started=no
        say "requesting $slices x $slice ($accelerator) in $zone as $name"
        create 2>"$errors" || refused
        ;;
      ACTIVE)
        created=yes
        train
        judge
        ;;
      SUSPENDING | SUSPENDED | PREEMPTED | TERMINATED | STOPPING | STOPPED)
        delete
        again "$name was preempted"
        ;;
      FAILED)
        created=yes
        tpus queued-resources describe "$name" --format='value(state.failedData.error.message)' >&2
        say "the request has failed for this reason"
        exit 1
        ;;
      UNKNOWN)
        cat "$errors" >&2
        [[ $created == yes ]] || exit 1
        again "gcloud cannot tell the state of $name"
        ;;
      *) pause ;;
    esac
  done
}

# What the story comes to when all goes well.
dry_story() {
  local node
  run pip wheel --quiet --no-deps --wheel-dir "$scratch" "$root"
  create
  tpus queued-resources describe "$name" --format='value(state.state)'
  for node in $(nodes); do tpus tpu-vm describe "$node" --format='value(state)'; done
  install
  on_workers all start "${secrets[@]}" "${words[@]}"
  on_workers 0 follow
  on_workers 0 status
  [[ $keep == yes ]] || delete
}

# Has the command save and end, and ends this script; a second signal does not wait for that.
# shellcheck disable=SC2329 # called by traps
interrupted() {
  trap 'exit 130' INT TERM
  kill "$child" 2>/dev/null || true
  if [[ $started == yes && $keep == no ]]; then
    say "stopping the command, so that it saves; Ctrl-C again to delete $name at once"
    on_workers all stop || true
  fi
  exit "$1"
}

# shellcheck disable=SC2329 # called by a trap
finish() {
  local code=$?
  local deletion="gcloud compute tpus queued-resources delete $name --force --quiet ${where[*]}"
  trap '' INT TERM
  rm -rf "$scratch"
  if [[ $created == yes && $keep == yes ]]; then
    say "$name is kept and costs until it is deleted: $deletion"
  elif [[ $created == yes ]]; then
    delete || say "$name IS NOT DELETED and goes on costing. Delete it: $deletion"
  fi
  exit "$code"
}

main() {
  parse "$@"
  if [[ $dry_run == yes ]]; then
    scratch=WHEELS wheel=WHEELS/text_chem_t5.whl
    dry_story
    exit 0
  fi
  created=no installed=no started=no attempts=0 child=''
  scratch=$(mktemp -d) errors=$scratch/errors
  trap finish EXIT
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  pip wheel --quiet --no-deps --wheel-dir "$scratch" "$root"
  wheel=$(echo "$scratch"/*.whl)
  story
}

main "$@"
