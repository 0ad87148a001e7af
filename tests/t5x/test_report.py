"""The page is whole, self-contained and safe; the terminal's tables line up."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from t5x.report import results_table, samples_text, write_report
from t5x.report_data import margin, primary_metric, read_run, score_text
from t5x.report_page import common_prompt, duration_text

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "<script>alert('x')</script> & \"quoted\""


class Outline(HTMLParser):
    """Checks that tags nest, and keeps tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def write_lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


RESULTS = {
    "title": "Toy run",
    "step": 1200,
    "started": "2026-11-22T09:12:03+00:00",
    "seconds": 2052.0,
    "parameters": 7_412_736,
    "settings": {"optimizer": "Adafactor", "seed": "42"},
    "metrics_primary": {"toy_double": "exact", "toy_copy": "bleu"},
    "tasks": [
        {
            "task": "toy_double",
            "count": 1200,
            "scores": {"bleu": 0.5, "exact": 0.25},
            "baselines": {
                "copy of the input": {"bleu": 0.1, "exact": 0.0},
                "most frequent answer": {"bleu": 0.6, "exact": 0.125},
            },
            "samples": [
                {"inputs": "Double this: 2", "target": "4", "prediction": "4"},
                {"inputs": "Double this: 3", "target": "6", "prediction": HOSTILE},
                {"inputs": "Double this: 4", "target": "8", "prediction": ""},
            ],
        },
        {"task": "toy_copy", "count": 3, "scores": {"bleu": 1.0}, "baselines": {}, "samples": []},
    ],
}


LOSS = "token_loss"


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    steps = range(0, 1201, 100)
    write_lines(
        tmp_path / "train/metrics.jsonl",
        [{"step": s, LOSS: 5.0 - s / 300, "accuracy": s / 1200, "lr": 1e-3} for s in steps],
    )
    for task in ("toy_double", "toy_copy"):
        write_lines(
            tmp_path / "training_eval" / task / "metrics.jsonl",
            [{"step": s, LOSS: 6.0 - s / 300, "accuracy": s / 2400} for s in steps],
        )
        write_lines(
            tmp_path / "inference_eval" / f"{task}-metrics.jsonl",
            [{"step": s, "bleu": s / 1200, "edits": 30.0 - s / 100} for s in (400, 800, 1200)],
        )
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    return tmp_path


def page(model_dir: Path, *renderers) -> tuple[str, Outline]:
    path = write_report(str(model_dir), *renderers)
    assert path == str(model_dir / "report.html")
    html = Path(path).read_text(encoding="utf-8")
    return html, Outline(html)


def test_page_is_well_formed_and_loads_nothing(model_dir):
    html, outline = page(model_dir)
    assert not [link for link in outline.links if not re.match(r"#|data:", link)]
    assert "http" not in html and "@import" not in html and "url(" not in html
    assert not {"script", "iframe", "img", "object"} & set(outline.tags)
    anchors = [link[1:] for link in outline.links if link.startswith("#")]
    assert set(anchors) <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


def test_page_says_the_facts(model_dir):
    _, outline = page(model_dir)
    words = set(outline.words)
    assert {"Toy run", "1,200", "7.41 M", "22 Nov 2026, 09:12 UTC", "34 min 12 s"} <= words
    assert {"Adafactor", "optimizer", "1,203"} <= words
    assert {"Loss per token", "Accuracy", "Lr", "More curves"} <= words


def test_scores_above_every_baseline_are_marked(model_dir):
    html, outline = page(model_dir)
    assert html.count('class="model beats"') == 1  # exact: .25 over .125; bleu: .5 under .6
    assert {"+0.125", "−0.100", "▲ 0.125 over baselines", "no baseline"} <= set(outline.words)


def test_curves_of_another_range_have_their_own_picture(model_dir):
    html, _ = page(model_dir)
    # loss, accuracy, lr, and for each of two tasks the fractions and the edits
    assert html.count('<svg class="chart"') == 7
    assert html.count('aria-label="toy_double over steps"') == 2


def test_samples_say_the_prompt_once_and_judge_the_prediction(model_dir):
    html, outline = page(model_dir)
    assert html.count("Double this:") == 1
    assert html.count("✓ correct") == 1 and html.count("✗ incorrect") == 2
    assert {"1 of 3 correct here", "(nothing)"} <= set(outline.words)


def test_hostile_text_is_text(model_dir):
    results = json.loads(json.dumps(RESULTS).replace("toy_double", "<script>1</script>"))
    results["title"], results["settings"] = HOSTILE, {HOSTILE: HOSTILE}
    results["started"] = HOSTILE
    results["tasks"][0]["scores"] = {HOSTILE: 0.5}
    results["tasks"][0]["baselines"] = {HOSTILE: {HOSTILE: 0.1}}
    (model_dir / "results.json").write_text(json.dumps(results))
    write_lines(model_dir / "train/metrics.jsonl", [{"step": 1, HOSTILE: 1.0}])
    html, outline = page(model_dir)
    assert "<script" not in html
    assert outline.words.count(HOSTILE) >= 6


def test_renderer_gets_the_text_without_the_shared_prompt(model_dir):
    seen = []

    def render(text: str) -> str | None:
        seen.append(text)
        return "<svg class='drawn'></svg>" if text == "4" else None

    html, _ = page(model_dir, render)
    assert seen[:3] == ["2", "4", "4"]
    assert html.count("<figure><svg class='drawn'></svg></figure>") == 3


def test_same_answer_marks_another_spelling_correct(model_dir):
    html, _ = page(model_dir, None, lambda target, found: (target, found) == ("8", ""))
    assert html.count("✓ correct, written differently") == 1


def test_prose_that_differs_is_not_called_incorrect(model_dir):
    results = {"tasks": [{"task": "t", "samples": [{"target": "a b", "prediction": "a c"}]}]}
    (model_dir / "results.json").write_text(json.dumps(results))
    html, _ = page(model_dir)
    assert "≠ differs" in html and "✗" not in html


def test_empty_directory_gives_a_page_that_says_so(tmp_path):
    _, outline = page(tmp_path)
    words = " ".join(outline.words)
    for sentence in ("There is no results.json", "No curves", "No scores", "No samples"):
        assert sentence in words
    assert tmp_path.name in words
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


@pytest.mark.parametrize(
    "content", ["{", "[1]", "null", '{"tasks": null}', '{"tasks": [{"task": "t"}]}', "{}"]
)
def test_poor_results_give_a_page(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    assert "No scores: no task was evaluated." in page(tmp_path)[1].words


def test_holes_and_broken_lines_are_told(tmp_path):
    (tmp_path / "train").mkdir()
    lines = ['{"step": 1, "loss": NaN}', '{"step": 2, "loss": null}', '{"step": 3, "loss": 1.5}']
    lines += ['{"step": 3, "loss": 1.0, "note": "x"}', '{"loss": 9}', "7", '{"step": 4, "lo']
    (tmp_path / "train/metrics.jsonl").write_text("\n".join(lines))
    run = read_run(tmp_path)
    assert [step for step, _ in run.train["loss"]] == [1, 2, 3]
    assert run.train["loss"][-1] == (3, 1.0)
    assert set(run.train) == {"loss"}
    assert "3 line(s) of train/metrics.jsonl could not be read, and are left out." in run.notes
    html, _ = page(tmp_path)
    assert 'class="cross"' in html


def test_scores_that_are_not_finite_are_shown_and_never_win(tmp_path):
    nan = {"task": "t", "scores": {"m": float("nan")}, "baselines": {"copy": {"m": 0.1}}}
    (tmp_path / "results.json").write_text(json.dumps({"tasks": [nan]}))
    html, outline = page(tmp_path)
    assert "NaN" in outline.words and 'class="model beats"' not in html
    assert "NaN" in results_table({"tasks": [nan]})


def test_missing_directory():
    with pytest.raises(FileNotFoundError, match="pass the MODEL_DIR"):
        write_report("/no/such/run")


def test_results_table():
    assert results_table(RESULTS).split("\n") == [
        "task        rows  metric  score    copy  frequent",
        "toy_double  1200  exact   0.250*  0.000     0.125",
        "                  bleu    0.500   0.100     0.600",
        "toy_copy       3  bleu    1.000       –         –",
        "* above every baseline",
    ]
    assert results_table({}) == "No scores: no task was evaluated."


def test_samples_text():
    lines = samples_text(RESULTS, per_task=2, width=30).split("\n")
    assert lines == [
        "toy_double",
        "  asked      Double this: 2",
        "  expected   4",
        "  predicted  4  (correct)",
        "",
        "  asked      Double this: 3",
        "  expected   6",
        "  predicted  <script>alert('x…",
    ]
    assert samples_text({"tasks": []}) == "No samples: no answers were kept."


def test_small_texts():
    assert duration_text(0.25) == "0.2 s"
    assert duration_text(3600) == "1 h"
    assert common_prompt(["Ask: a", "Ask: b", "As: c"]) == ""
    assert common_prompt(["Only one: a"]) == ""
    assert [score_text(v) for v in (0.5, 28.816, 12345, None, "x", True)] == [
        *("0.500", "28.816", "12,345", "–", "–", "–"),
    ]
    assert primary_metric({}, {"task": "t", "scores": {}}) is None
    assert margin({"scores": {"a": 0.5}, "baselines": {"b": {}}}, "a") is None
