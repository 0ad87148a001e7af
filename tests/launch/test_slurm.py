"""launch/slurm.sbatch: what the job runs, and when it queues itself again."""

import re
import shlex
import signal

import pytest

from tests.launch.stubs import LAUNCH, Stubs

SCRIPT = LAUNCH / "slurm.sbatch"
COMMAND = ("python", "-m", "t5x.train", "--gin.MODEL_DIR='/shared/a \"run\"'")
STEP = ["--kill-on-bad-exit=0", "--wait=60", *COMMAND, "--multiprocess_gpu"]
JOB = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "node[1-2]"}
# As SLURM's own: a signal to `srun` kills the processes, one by `scancel` comes to each of them.
SAVES = "trap 'exit 137' TERM; touch ready; until [[ -f term ]]; do /bin/sleep 0.1; done; "
SAVES += "echo saved; exit 143"


@pytest.fixture
def stubs(tmp_path):
    stubs = Stubs(tmp_path, "sbatch", "srun", "scancel", "scontrol", "sleep")
    # SLURM runs a copy of the script, from another folder.
    stubs.on("scancel", "--signal=TERM 4711", "touch term")
    stubs.on("sbatch", "*", 'while [[ $1 == --* ]]; do shift; done; cp "$1" copy; shift; exec '
             'bash copy "$@"')  # fmt: skip
    return stubs


def test_the_job_starts_the_command_on_every_machine(stubs):
    result = stubs.run("sbatch", "--nodes=2", SCRIPT, *COMMAND, **JOB)
    assert result.returncode == 0, result.stderr
    assert stubs.calls("srun") == [STEP]
    assert stubs.calls("scontrol") == []
    assert "Job 4711, start 1, on node[1-2]" in result.stdout


def test_a_dry_run_prints_the_commands(stubs):
    result = stubs.run(SCRIPT, "--dry-run", *COMMAND)
    assert [shlex.split(line, comments=True) for line in result.stdout.splitlines()] == [
        ["srun", *STEP],
        ["scontrol", "requeue", "JOB"],
    ]
    assert stubs.calls() == []


def test_the_notice_before_the_time_limit_saves_and_queues_again(stubs):
    stubs.on("srun", "*", SAVES)
    process = stubs.start("bash", SCRIPT, *COMMAND, SLURM_RESTART_COUNT="2", **JOB)
    stubs.wait_for((stubs.folder / "ready").exists)
    process.send_signal(signal.SIGUSR1)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "start 3" in printed
    assert "saved\nThe time limit comes: a checkpoint is saved" in printed
    assert stubs.calls("scontrol") == [["requeue", "4711"]]


def test_a_run_that_finishes_after_the_notice_is_not_queued_again(stubs):
    stubs.on("srun", "*", SAVES.replace("143", "0"))
    process = stubs.start("bash", SCRIPT, *COMMAND, **JOB)
    stubs.wait_for((stubs.folder / "ready").exists)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert stubs.calls("scontrol") == []


def test_preemption_and_scancel_leave_the_queue_to_slurm(stubs):
    stubs.on("srun", "*", "exit 143")
    result = stubs.run("bash", SCRIPT, *COMMAND, **JOB)
    assert result.returncode == 143
    assert stubs.calls("scontrol") == []
    assert stubs.calls("sleep") == [["600"]], "SLURM requeues only what it has ended itself"


@pytest.mark.parametrize("code", [1, 75])
def test_a_failure_ends_the_job_with_its_code(stubs, code):
    stubs.on("srun", "*", f"exit {code}")
    assert stubs.run("bash", SCRIPT, *COMMAND, **JOB).returncode == code
    assert stubs.calls("scontrol") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing is no command"),
        (["--gin_file=gin/base.gin"], "--gin_file=gin/base.gin is no command"),
        (["python"], "this is no SLURM job"),
    ],
)
def test_arguments_are_checked(stubs, words, message):
    result = stubs.run(SCRIPT, *words)
    assert result.returncode == 2
    assert message in result.stderr


def test_slurm_reads_its_options_before_the_first_command():
    head = re.split(r"^[^#\n]", SCRIPT.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    options = re.findall(r"^#SBATCH (\S+)$", head, flags=re.MULTILINE)
    assert {"--ntasks-per-node=1", "--signal=B:USR1@300", "--requeue"} <= set(options)
