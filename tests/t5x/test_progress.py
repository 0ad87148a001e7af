"""The live line and the plain lines, with a clock of our own."""

import io

import pytest

from t5x.progress import Progress, format_duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


NUMBERS = {
    "token_loss": 1.23456,
    "accuracy": 0.5,
    "timing/target_tokens_per_second": 12345.6,
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min")],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_a_log_gets_plain_lines_now_and_then():
    stream, now = io.StringIO(), [0.0]
    progress = Progress(0, 100, stream, seconds_between_lines=10, clock=lambda: now[0])
    for step in range(10, 101, 10):
        now[0] += 4.0
        progress.update(step, NUMBERS)
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["10", "40", "70", "100"]
    assert lines[0] == (
        "step  10 of 100    10 %   loss 1.235   accuracy 0.500   12,346 target tokens/s   36 s left"
    )
    assert lines[-1].endswith("done")


def test_a_terminal_gets_one_line_rewritten():
    stream = Terminal()
    progress = Progress(0, 4, stream)
    progress.update(1, NUMBERS)
    progress.update(2, NUMBERS)
    assert stream.getvalue().count("\r") == 2
    assert "\n" not in stream.getvalue()
    progress.say("validation loss 1.0")
    assert stream.getvalue().endswith("\nvalidation loss 1.0\n")


def test_time_spent_elsewhere_is_left_out_of_the_forecast():
    stream, now = io.StringIO(), [0.0]
    progress = Progress(0, 10, stream, clock=lambda: now[0])
    now[0] = 60.0
    progress.pause(50.0)
    progress.update(5, {})
    assert stream.getvalue().endswith("10 s left\n")
