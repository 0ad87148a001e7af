#!/usr/bin/env bash
# What runs on each worker of a TPU; launch/tpu_vm.sh copies it there and calls it.
#
#   tpu_worker.sh install WHEEL [BUCKET...]   the package, and buckets mounted at /gcs/BUCKET
#   tpu_worker.sh start [--secret NAME=SECRET]... COMMAND...   in the background
#   tpu_worker.sh follow                      prints what the command prints, until it ends
#   tpu_worker.sh status                      none, running, lost, or the command's exit code
#   tpu_worker.sh stop                        has the command save and end
#   tpu_worker.sh log                         the last lines of what it printed

set -euo pipefail

folder=${T5X_RUN_FOLDER:-$HOME/t5x-run}
GCSFUSE=3.8.0

# Ubuntu 22.04, which TPU images are made of, has Python 3.10: uv brings its own.
install() {
  local wheel=$1 bucket
  shift
  python3 -m pip install --quiet --user uv
  local uv=$HOME/.local/bin/uv
  [[ -x $folder/venv/bin/python ]] || "$uv" venv --quiet --python 3.11 "$folder/venv"
  "$uv" pip install --quiet --python "$folder/venv/bin/python" --reinstall-package text-chem-t5 \
    "text-chem-t5[tpu] @ file://$PWD/$wheel"
  for bucket; do mount_bucket "$bucket"; done
}

# Other workers' files must be seen at once, so nothing about them is remembered.
mount_bucket() {
  ! mountpoint --quiet "/gcs/$1" || return 0
  command -v gcsfuse >/dev/null || install_gcsfuse
  sudo mkdir -p "/gcs/$1"
  sudo chown "$(id -u):$(id -g)" "/gcs/$1"
  gcsfuse --implicit-dirs --metadata-cache-ttl-secs=0 --metadata-cache-negative-ttl-secs=0 \
    --rename-dir-limit=100000 "$1" "/gcs/$1"
}

install_gcsfuse() {
  local package=gcsfuse_${GCSFUSE}_amd64.deb
  curl --fail --silent --show-error --location --remote-name \
    "https://github.com/GoogleCloudPlatform/gcsfuse/releases/download/v$GCSFUSE/$package"
  sudo apt-get install --yes --quiet "./$package"
}

start() {
  local name secret
  ! is_running || kill -s KILL -- "-$(<"$folder/pid")" # it has lost its peers
  while [[ ${1:-} == --secret ]]; do
    IFS='=' read -r name secret <<<"$2"
    export "$name=$(gcloud secrets versions access latest --secret="$secret")"
    shift 2
  done
  rm -f "$folder/code"
  PATH=$folder/venv/bin:$PATH setsid bash "$0" supervise "$@" >>"$folder/log" 2>&1 </dev/null &
  echo $! >"$folder/pid"
}

# Runs the command and keeps its exit code. SIGTERM is for the command; here it ends a wait.
supervise() {
  local command code=0
  trap : TERM
  "$@" &
  command=$!
  wait "$command" || code=$?
  while kill -0 "$command" 2>/dev/null; do
    code=0
    wait "$command" || code=$?
  done
  echo "$code" >"$folder/code"
}

is_running() {
  [[ -e $folder/pid ]] && kill -0 "$(<"$folder/pid")" 2>/dev/null
}

status() {
  if [[ -e $folder/code ]]; then
    cat "$folder/code"
  elif is_running; then
    echo running
  elif [[ -e $folder/pid ]]; then
    echo lost
  else
    echo none
  fi
}

follow() {
  tail --lines=20 --follow=name --pid="$(<"$folder/pid")" "$folder/log"
}

stop() {
  is_running || return 0
  kill -s TERM -- "-$(<"$folder/pid")"
  tail --lines=5 --follow=name --pid="$(<"$folder/pid")" "$folder/log"
}

log() {
  echo "--- $(hostname)"
  tail --lines=20 "$folder/log"
}

mkdir -p "$folder"
case ${1:-} in
  install | start | supervise | follow | status | stop | log) "$@" ;;
  *) echo "tpu_worker.sh: '${1:-}' is none of install, start, follow, status, stop, log." >&2; exit 2 ;;
esac
