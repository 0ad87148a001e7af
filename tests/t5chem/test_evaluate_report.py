"""The page of an evaluation: what it shows, that it is safe, and that it loads nothing."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from t5chem.evaluation_files import EvaluationRow, LeftOut
from t5chem.evaluation_page import figure_text, histogram, interval_text
from t5chem.evaluation_report import System, ranked, write_comparison, write_report
from t5chem.evaluations import evaluate_rows
from t5chem.metrics import Settings, compare_evaluations
from t5chem.prompts import PROMPTS

SETTINGS = Settings(samples=20, fcd=False)
SCRIPT = '<script src="https://example.org/x.js">alert("1")</script>'


def _rows(task):
    target = {"mol2text": "A gas.", "paragraph2actions": "STIR; FILTER."}.get(task, "CCCCCO")
    answers = [target, target[::-1], target * 2, SCRIPT, ""]
    rows = [EvaluationRow(n, "CC", target, (text,)) for n, text in enumerate(answers, start=1)]
    return [*rows, EvaluationRow(6, SCRIPT, target, (), "empty <input>")]


@pytest.fixture
def report(tmp_path):
    def write(task, rows, **options):
        evaluation = evaluate_rows(task, rows, SETTINGS)
        options = {"title": "toy <model>", **options}
        return write_report(tmp_path, task, rows, evaluation, **options).read_text("utf-8")

    return write


@pytest.fixture
def comparison(tmp_path):
    def write(task="text2mol"):
        systems = [
            System("ours", _rows(task), evaluate_rows(task, _rows(task), SETTINGS)),
            System("theirs", _rows(task)[::-1], evaluate_rows(task, _rows(task)[::-1], SETTINGS)),
        ]
        compared = compare_evaluations(systems[0].evaluation, systems[1].evaluation, samples=20)
        return write_comparison(tmp_path, task, systems, {"theirs": compared})

    return write


def _check_safe(html):
    """No text became a tag, and nothing is loaded."""
    assert "<script" not in html
    assert "&lt;script" in html
    outside_text = re.sub(r">[^<]*<", "><", html).replace("http://www.w3.org/2000/svg", "")
    loads = re.findall(r"""(?:src|href)=["']([^"']*)""", outside_text)
    assert all(link.startswith("#") or link == "data:," for link in loads)
    assert "url(" not in html and "@import" not in html
    labels = re.sub(r"""aria-label=(["']).*?\1""", "", outside_text)
    assert "http" not in labels


@pytest.mark.parametrize("task", PROMPTS)
def test_every_task_has_its_page_and_no_text_becomes_a_tag(report, task):
    html = report(task, _rows(task), left_out=[LeftOut(8, "no <target>")], details={"a&b": "<c>"})
    _check_safe(html)
    assert "<title>toy &lt;model&gt; · evaluation</title>" in html
    assert "empty &lt;input&gt;" in html
    assert "no &lt;target&gt;" in html
    assert "<dt>a&amp;b</dt><dd>&lt;c&gt;</dd>" in html
    headings = re.findall(r"<h2>([^<]+)</h2>", html)
    assert headings == ["Figures", "Distributions", "Examples", "Failures", "Made with"]


@pytest.mark.parametrize("task", PROMPTS)
def test_a_comparison_has_its_page(comparison, task):
    html = comparison(task).read_text("utf-8")
    _check_safe(html)
    assert "<th>ours</th><th>theirs</th>" in html
    assert "theirs minus ours." in html
    assert "theirs gains most" in html
    assert "theirs loses most" in html


def test_figures_stand_with_interval_rows_and_invalid(report):
    rows = [EvaluationRow(n, "", "CCO", ("CCO" if n < 4 else "C(",)) for n in (1, 2, 3, 4)]
    html = report("text2mol", rows)
    assert re.search(
        r'<th scope="row">exact</th><td class="model">0.7500</td><td>[\d.]+ to [\d.]+</td>'
        r'<td class="gauge">.*?</td><td>4</td><td>1</td>',
        html,
    )
    assert '<th scope="row">levenshtein (lower is better)</th>' in html
    assert "<dt>text2mol</dt><dd>needs Text2Mol&#x27;s weights" in html


def test_the_best_the_worst_and_a_seeded_choice_of_the_others(report):
    rows = [EvaluationRow(n, "", "C" * 20, ("C" * n,)) for n in range(1, 21)]
    rows.append(EvaluationRow(99, "", "C" * 20, ("C(",)))
    evaluation = evaluate_rows("text2mol", rows, SETTINGS)
    order = ranked("text2mol", rows, evaluation, {99})
    assert order[0] == 19
    assert len(order) == 20
    pages = [report("text2mol", rows, seed=seed) for seed in (0, 0, 1)]
    assert pages[0] == pages[1] != pages[2]
    groups = re.findall(r"<article.*?</article>", pages[0], re.DOTALL)
    numbers = [[int(n) for n in re.findall(r"Row (\d+) ·", group)] for group in groups]
    assert numbers[0] == [rows[i].number for i in order[:5]]
    assert numbers[1] == [rows[i].number for i in order[:-6:-1]]
    assert len(numbers[2]) == 5
    assert not set(numbers[2]) & {*numbers[0], *numbers[1]}
    assert all("not valid" not in group for group in groups[:2])


def test_molecules_are_drawn_side_by_side_with_their_differences(report):
    html = report("text2mol", [EvaluationRow(1, "an alcohol", "CCCCO", ("CCCCN",))])
    (sample,) = re.findall(r'<div class="sample">.*?</article>', html, re.DOTALL)
    assert sample.count("<svg") == 2
    assert 'CCCC<mark class="missed">O</mark>' in sample
    assert 'CCCC<mark class="surplus">N</mark>' in sample
    assert sample.count("var(--missed)") and sample.count("var(--surplus)")


def test_every_failure_is_listed_and_long_lists_are_folded(report):
    rows = [EvaluationRow(n, "", "C", (f"C({'C' * n}",)) for n in range(1, 12)]
    html = report("text2mol", [*rows, EvaluationRow(12, "", "C", ("C",))])
    assert "<details><summary>11 failures</summary>" in html
    for row in rows:
        assert (
            f"<td>{row.number}</td><td><code>{row.prediction}</code></td>"
            "<td>parentheses that do not match</td>" in html
        )
    html = report("text2mol", [*rows[:3], EvaluationRow(12, "", "C", ("C",))])
    assert "<details open><summary>3 failures</summary>" in html


def test_a_page_of_no_valid_row_and_of_one_row(report):
    html = report("text2mol", [EvaluationRow(1, "", "CCO", ("C(",))])
    assert "At random" in html
    assert "The best" not in html
    html = report("mol2text", [EvaluationRow(1, "CCO", "A gas.", ("A gas.",))])
    assert "The best" in html
    assert "The worst" not in html
    assert "Distributions" not in html


def test_rows_must_be_those_that_were_evaluated(tmp_path):
    rows = _rows("text2mol")
    evaluation = evaluate_rows("text2mol", rows, SETTINGS)
    with pytest.raises(ValueError, match="5 rows of toy, but its evaluation is of 6"):
        write_report(tmp_path, "text2mol", rows[:5], evaluation, title="toy")


def test_histograms_count_every_value():
    svg = histogram(np.array([0.0, 0.01, 0.5, 1.0]), "morgan")
    assert "<title>0 to 0.05: 2 rows</title>" in svg
    assert "<title>0.5 to 0.55: 1 rows</title>" in svg
    assert "<title>0.95 to 1: 1 rows</title>" in svg
    counts = [int(n) for n in re.findall(r": (\d+) rows", svg)]
    assert (len(counts), sum(counts)) == (20, 4)


def test_the_last_bin_of_an_open_range_says_so():
    svg = histogram(np.array([*range(100), 5000.0]), "levenshtein")
    titles = re.findall(r"<title>([^<]*)</title>", svg)
    assert titles[0] == "0 to 5: 5 rows"
    assert titles[-1] == "95 and more: 6 rows"
    assert ">≥ 100</text>" in svg


def test_figures_as_text():
    assert [figure_text(n) for n in (0.12345, 9.9, 28.81576, 1234.56, -0.5)] == [
        "0.1235",
        "9.9000",
        "28.816",
        "1,234.6",
        "-0.5000",
    ]
    assert interval_text(None) == "–"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["report", "comparison"])
def test_a_browser_has_nothing_to_complain_of(report, comparison, tmp_path, kind):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    if kind == "report":
        report("text2mol", _rows("text2mol"))
    else:
        comparison()
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += [f"--user-data-dir={tmp_path}", "--v=0", "--dump-dom"]
    page = f"file://{tmp_path / 'report.html'}"
    shown = subprocess.run([*command, page], capture_output=True, text=True, timeout=100)
    assert "<h1>" in shown.stdout
    assert "CONSOLE" not in shown.stderr
    # What the check is worth: a page with a fault has its complaint there.
    bad = tmp_path / "bad.html"
    bad.write_text("<script>nothing()</script>")
    shown = subprocess.run([*command, f"file://{bad}"], capture_output=True, text=True, timeout=100)
    assert "CONSOLE" in shown.stderr
