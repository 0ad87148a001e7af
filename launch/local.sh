#!/usr/bin/env bash
# Starts n processes on this machine that compute together, as n hosts would.
#
#   launch/local.sh [options] -- COMMAND...
#   launch/local.sh --processes 2 -- python -m t5x.train --gin_file=gin/tiny.gin
#
# The command gets the flags that join the processes (--multiprocess_gpu, --coordinator_address,
# --process_count, --process_index). Process 0 prints here; each writes LOGS/process-<index>.log.
# When one fails, the others have --grace seconds to end; Ctrl-C or SIGTERM is a notice to save and
# end, a second one ends all at once.
#
#   --processes N   how many (2)
#   --devices WHAT  cpu: one CPU device each; gpu: the GPUs divided among them (cpu)
#   --logs FOLDER   where each process's output goes (logs)
#   --port PORT     that process 0 listens on (the first free one from 8476)
#   --grace N       seconds between the end of one and the end of all (60)
#   --dry-run       print the commands and run none
#
# Exit code: 0 when all have done their work, otherwise that of the process that ended first without.

set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

processes=2 devices=cpu logs=logs port='' grace=60

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --processes) processes=$(value "$@"); shift 2 ;;
      --devices) devices=$(value "$@"); shift 2 ;;
      --logs) logs=$(value "$@"); shift 2 ;;
      --port) port=$(value "$@"); shift 2 ;;
      --grace) grace=$(value "$@"); shift 2 ;;
      --dry-run) dry_run=yes; shift ;;
      -h | --help) usage; exit 0 ;;
      --) shift; break ;;
      *) fail "'$1' is no option of this script. Options come before --, the command after it." ;;
    esac
  done
  command=("$@")
  check_command "$@"
  check_number --processes "$processes"
  check_number --grace "$grace"
  [[ -z $port || $port =~ ^[1-9][0-9]{0,4}$ ]] || fail "--port is '$port': give 1 to 65535."
  case $devices in
    cpu) ;;
    gpu) find_gpus ;;
    *) fail "--devices is '$devices': give cpu or gpu." ;;
  esac
}

# Sets `gpus` to the GPUs of this machine that may be used.
find_gpus() {
  if [[ -n ${CUDA_VISIBLE_DEVICES:-} ]]; then
    IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
  else
    local listed
    listed=$(nvidia-smi --query-gpu=index --format=csv,noheader) ||
      fail "--devices gpu needs a GPU, and nvidia-smi finds none. Use --devices cpu."
    mapfile -t gpus <<<"$listed"
  fi
  [[ $((${#gpus[@]} % processes)) -eq 0 ]] ||
    fail "--processes is $processes, which does not divide the ${#gpus[@]} GPUs (${gpus[*]})."
}

# Sets `port` to one that nothing listens on, and that no dry run need look for.
find_port() {
  [[ -z $port ]] || return 0
  port=8476
  while [[ $dry_run == no ]] && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do ((port += 1)); done
}

# Prints the settings of the environment that give process $1 its devices.
devices_of() {
  if [[ $devices == cpu ]]; then
    echo JAX_PLATFORMS=cpu
  else
    local each=$((${#gpus[@]} / processes)) IFS=,
    echo "CUDA_VISIBLE_DEVICES=${gpus[*]:$1*each:each}"
  fi
}

start() {
  local -a process=(
    env "$(devices_of "$1")" "${command[@]}" --multiprocess_gpu
    --coordinator_address="127.0.0.1:$port" --process_count="$processes" --process_index="$1"
  )
  if [[ $dry_run == yes ]]; then
    run "${process[@]}"
  else
    : >"$logs/process-$1.log" # so that it can be followed at once
    "${process[@]}" >>"$logs/process-$1.log" 2>&1 &
    running[$!]=$1
    first=${first:-$!}
  fi
}

# Sends a signal to all that run and to what they have started: each leads a group of its own.
signal_all() {
  local pid
  for pid in "${!running[@]}"; do kill -s "$1" -- "-$pid" 2>/dev/null || true; done
}

# Passes the first notice on; the second ends all at once.
# shellcheck disable=SC2329 # called by traps
notice() {
  local earlier=$noticed
  noticed=$1
  if [[ -z $earlier ]]; then signal_all TERM; else signal_all KILL; fi
}

# Waits until all have ended, at most --grace seconds after the first that failed.
watch() {
  local pid code
  while [[ ${#running[@]} -gt 0 ]]; do
    wait -n "${!running[@]}" || true # until one has ended or a signal has come
    for pid in "${!running[@]}"; do
      ! kill -0 "$pid" 2>/dev/null || continue
      code=0
      wait "$pid" || code=$?
      [[ $code -eq 0 || $first_code -ne 0 ]] || first_failed "${running[$pid]}" "$code"
      unset "running[$pid]"
    done
  done
}

first_failed() {
  first_code=$2
  say "process $1 of $processes ended with code $2 (it printed to $logs/process-$1.log);" \
    "the others end within $grace s."
  (sleep "$grace" && signal_all KILL) &
  clock=$!
}

# shellcheck disable=SC2329 # called by a trap
clean_up() {
  signal_all KILL
  [[ -z $clock ]] || kill -- "-$clock" 2>/dev/null || true
}

main() {
  parse "$@"
  find_port
  declare -gA running
  noticed='' first_code=0 clock='' first=''
  trap clean_up EXIT
  trap 'notice INT' INT
  trap 'notice TERM' TERM
  [[ $dry_run == yes ]] || mkdir -p "$logs"
  set -m # gives each process a group, so that Ctrl-C comes to this script alone
  for ((index = 0; index < processes; index++)); do start "$index"; done
  [[ $dry_run == no ]] || exit 0
  [[ -z $noticed ]] || signal_all TERM # those that had not started yet
  tail -n +1 -f --pid="$first" "$logs/process-0.log" &
  shown=$!
  watch
  wait "$shown" || true
  [[ $noticed != INT || $first_code -eq 0 ]] || exit 130
  exit "$first_code"
}

main "$@"
