"""launch/tpu_worker.sh, as on a worker: installs, and keeps a command running in the background."""

import shlex
import time

import pytest

from tests.launch.stubs import LAUNCH, Stubs

SCRIPT = LAUNCH / "tpu_worker.sh"
AWKWARD = ["python", "--gin.MODEL_DIR='/gcs/b/a \"run\" $HOME `id`'", "", "it's"]
PRINT_WORDS = """printf '<%s>\\n' "$@" """


@pytest.fixture
def stubs(tmp_path):
    stubs = Stubs(tmp_path, "python", "python3", "gcloud", "gcsfuse", "sudo", "mountpoint")
    (tmp_path / "rules" / "uv").mkdir()
    uv = tmp_path / ".local" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text((tmp_path / "bin" / "python").read_text())
    uv.chmod(0o755)
    return stubs


def worker(stubs, *words):
    return stubs.run("bash", SCRIPT, *words, HOME=str(stubs.folder))


def wait_for_status(stubs, status):
    end = time.monotonic() + 20
    while (now := worker(stubs, "status").stdout.strip()) != status:
        assert time.monotonic() < end, now
        time.sleep(0.05)


def test_installing_brings_a_python_the_wheel_and_the_buckets(stubs):
    stubs.on("mountpoint", "--quiet /gcs/mounted-already", "exit 0")
    stubs.on("mountpoint", "*", "exit 1")
    result = worker(stubs, "install", "our.whl", "our-bucket", "mounted-already")
    assert result.returncode == 0, result.stderr
    venv = f"{stubs.folder}/t5x-run/venv"
    assert stubs.calls("uv") == [
        ["venv", "--quiet", "--python", "3.11", venv],
        ["pip", "install", "--quiet", "--python", f"{venv}/bin/python", "--reinstall-package",
         "text-chem-t5", f"text-chem-t5[tpu] @ file://{stubs.folder}/our.whl"],
    ]  # fmt: skip
    assert [call[-2:] for call in stubs.calls("gcsfuse")] == [["our-bucket", "/gcs/our-bucket"]]


def test_an_installation_that_fails_is_told(stubs):
    stubs.on("uv", "pip install*", "echo 'no such wheel' >&2; exit 3")
    result = worker(stubs, "install", "our.whl", "our-bucket")
    assert (result.returncode, result.stderr) == (3, "no such wheel\n")
    assert stubs.calls("gcsfuse") == []


def test_a_command_keeps_its_words_and_its_code(stubs):
    stubs.on("python", "*", f"{PRINT_WORDS}; exit 75")
    assert worker(stubs, "status").stdout == "none\n"
    # As tpu_vm.sh's quoting and the remote shell hand it over.
    started = stubs.run("bash", "-c", f"bash {SCRIPT} start {shlex.join(AWKWARD)}",
                        HOME=str(stubs.folder))  # fmt: skip
    assert started.returncode == 0, started.stderr
    wait_for_status(stubs, "75")
    printed = worker(stubs, "follow").stdout
    assert printed == "".join(f"<{word}>\n" for word in AWKWARD[1:])


def test_secrets_are_read_where_the_command_runs(stubs):
    stubs.on("gcloud", "secrets versions access latest --secret=wandb", "echo s3cret")
    stubs.on("python", "*", 'echo "key is $WANDB_API_KEY"')
    worker(stubs, "start", "--secret", "WANDB_API_KEY=wandb", "python", "train")
    wait_for_status(stubs, "0")
    assert worker(stubs, "follow").stdout == "key is s3cret\n"
    assert not any("s3cret" in word for call in stubs.calls() for word in call)


def test_stopping_lets_the_command_save(stubs):
    stubs.on(
        "python",
        "*",
        "trap 'echo saved; exit 143' TERM; touch ready; while :; do /bin/sleep 0.1; done",
    )
    worker(stubs, "start", "python", "train")
    wait_for_status(stubs, "running")
    stubs.wait_for((stubs.folder / "ready").exists)
    assert "saved" in worker(stubs, "stop").stdout
    wait_for_status(stubs, "143")
    assert worker(stubs, "stop").returncode == 0, "what has ended is stopped"


def test_a_command_that_runs_on_alone_is_replaced(stubs):
    stubs.on("python", "*", "touch ready; while :; do /bin/sleep 0.1; done", "exit 0")
    worker(stubs, "start", "python", "first")
    stubs.wait_for((stubs.folder / "ready").exists)
    worker(stubs, "start", "python", "second")
    wait_for_status(stubs, "0")
    assert "<first>" not in worker(stubs, "log").stdout


def test_what_it_does_not_know_is_refused(stubs):
    result = worker(stubs, "delete")
    assert result.returncode == 2
    assert "'delete' is none of install, start" in result.stderr
