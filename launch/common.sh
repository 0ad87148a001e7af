# shellcheck shell=bash
# What the launch scripts share: errors, dry runs, quoting, the slices of a TPU.

dry_run=no

# Ends the script: what is wrong, the value, the remedy.
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

say() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Prints the script's head: the comment that describes it.
usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

# Prints words so that a shell reads them back as they are.
quoted() {
  local word words=()
  for word; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]]; then words+=("$word"); else words+=("${word@Q}"); fi
  done
  printf '%s' "${words[*]}"
}

# Runs a command; in a dry run prints it instead.
run() {
  if [[ $dry_run == yes ]]; then
    quoted "$@"
    echo
  else
    "$@"
  fi
}

# The value of an option: `value --name "$@"` where "$@" is the option and what follows it.
value() {
  [[ $# -ge 2 && $2 != --* ]] || fail "$1 needs a value. See --help."
  printf '%s' "$2"
}

check_name() {
  [[ $2 =~ ^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
    fail "$1 is '$2': give up to 40 lower-case letters, digits and hyphens, a letter first."
}

check_number() {
  [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "$1 is '$2': give a whole number from 1."
}

check_secret() {
  [[ $1 =~ ^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9][-A-Za-z0-9_.]*$ ]] ||
    fail "--secret is '${1%%=*}=...': give VARIABLE=SECRET, the name of a secret, never its value."
}

check_command() {
  [[ $# -gt 0 ]] || fail "There is no command: give it after --, such as" \
    "-- python -m t5x.train --gin_file=gin/base.gin."
}

# Sets what is to be known of a slice that is named as preflight names it, such as v5e:2x4.
# shellcheck disable=SC2034 # the variables are for the scripts that call this
describe_slice() {
  local flat=' 1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16 '
  local cube=' 2x2x1 2x2x2 2x2x4 2x4x4 4x4x4 4x4x8 4x8x8 8x8x8 '
  local generation=${1%%:*} known
  topology=${1#*:}
  case $generation in
    v4) known=$cube runtime=tpu-ubuntu2204-base gke_accelerator=tpu-v4-podslice ;;
    v5e) known=$flat runtime=v2-alpha-tpuv5-lite gke_accelerator=tpu-v5-lite-podslice ;;
    v5p) known=$cube runtime=v2-alpha-tpuv5 gke_accelerator=tpu-v5p-slice ;;
    v6e) known=$flat runtime=v2-alpha-tpuv6e gke_accelerator=tpu-v6e-slice ;;
    *) fail "--topology is '$1': give v4, v5e, v5p or v6e and the chips, such as v5e:2x4." ;;
  esac
  [[ $1 == *:* && $known == *" $topology "* ]] ||
    fail "--topology is '$1': $generation's slices are$known(chips); give one as in v5e:2x4."
  chips=$((${topology//x/*}))
  # The names of v4 and v5p count TensorCores, two a chip.
  case $generation in
    v5e) accelerator=v5litepod-$chips ;;
    v6e) accelerator=v6e-$chips ;;
    *) accelerator=$generation-$((2 * chips)) ;;
  esac
}

# Sets `buckets` to those that the words name as gs://BUCKET, and `words` to the words with the
# folders instead that the buckets are mounted at: /gcs/BUCKET.
find_buckets() {
  local word rest
  buckets=() words=()
  for word; do
    rest=$word
    while [[ $rest =~ gs://([a-z0-9][-._a-z0-9]*[a-z0-9])(.*) ]]; do
      [[ " ${buckets[*]} " == *" ${BASH_REMATCH[1]} "* ]] || buckets+=("${BASH_REMATCH[1]}")
      rest=${BASH_REMATCH[2]}
    done
    words+=("${word//gs:\/\///gcs/}")
  done
  [[ ${#buckets[@]} -gt 0 ]] || fail "No argument names a gs:// folder, and the machines' disks go" \
    "with them. Add --gin.MODEL_DIR=\"'gs://BUCKET/run'\" (t5x.eval: EVAL_OUTPUT_DIR, t5x.infer:" \
    "INFER_OUTPUT_DIR)."
}
