"""What the page's script does, in a headless Chromium where one is installed."""

import json
import re
import shutil
import subprocess

import pytest
from sample_runs import sample_row, sample_run

from bench.page.write import page_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

PROBE = """
<script>
const answer = {};
const table = document.getElementById("all-files");
const header = (name) => Array.from(table.tHead.rows[0].cells).find((cell) => cell.textContent === name);
const models = () => Array.from(table.tBodies[0].rows).filter((row) => !row.hidden)
  .map((row) => row.cells[0].textContent);
header("MB").querySelector("button").click();
answer.largestFirst = models();
header("MB").querySelector("button").click();
answer.smallestFirst = models();
answer.sorted = header("MB").getAttribute("aria-sort");
header("model").querySelector("button").click();
answer.byName = models();
const box = document.querySelector("#filter input[type=search]");
box.value = "CNN onnx";
box.dispatchEvent(new Event("input", {bubbles: true}));
answer.filtered = models();
answer.count = document.querySelector("#filter output").textContent;
box.value = "";
document.querySelector("#filter input[type=checkbox]").click();
answer.front = models();
const seen = () => Array.from(document.querySelectorAll("figure.picture")).filter((one) => !one.hidden)
  .map((one) => one.dataset.axis);
answer.before = seen();
document.querySelector('#axes button[data-axis="size"]').click();
answer.after = seen();
const mark = document.querySelector('figure[data-axis="size"] .mark');
mark.dispatchEvent(new PointerEvent("pointerover", {bubbles: true, clientX: 5, clientY: 5}));
answer.tip = document.getElementById("tip").textContent;
answer.overlapping = 0;
for (const picture of document.querySelectorAll("figure.picture")) {
  picture.hidden = false;
  const boxes = Array.from(picture.querySelectorAll(".label"), (label) => label.getBoundingClientRect());
  boxes.forEach((one, number) => boxes.slice(number + 1).forEach((two) => {
    if (one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom)
      answer.overlapping += 1;
  }));
}
answer.wide = document.documentElement.scrollWidth > innerWidth;
answer.milliseconds = performance.now();
document.body.innerHTML = "<pre id='answer'></pre>";
document.getElementById("answer").textContent = JSON.stringify(answer);
</script>
"""


def opened(text, tmp_path, *, width=1200):
    """What the probe saw on a page, and the lines that the console got."""
    file = tmp_path / "report.html"
    file.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
        *(f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    seen = re.search(r"<pre id=\"answer\">(.*?)</pre>", answer.stdout, re.DOTALL)
    console = [line for line in answer.stderr.splitlines() if "CONSOLE" in line]
    assert seen, (answer.stdout[-500:], console)
    return json.loads(seen[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")), console


def rows(count=0):
    return [
        sample_row("teacher", 0.9, 10.0, size_bytes=90_000_000),
        sample_row("cnn hard", 0.7, 0.5, size_bytes=5_000_000),
        sample_row("cnn soft", 0.8, 0.4, size_bytes=10_000_000),
        sample_row("linear soft", 0.6, 0.1, size_bytes=None),
        *(sample_row(f"more{number} soft", 0.1, 20.0 + number, size_bytes=91_000_000) for number in range(count)),
    ]


def test_sorting_filtering_and_switching_work_without_a_word_on_the_console(tmp_path):
    answer, console = opened(page_of([sample_run(*rows())], [tmp_path]), tmp_path)
    assert console == []
    assert answer["largestFirst"] == ["teacher", "cnn soft", "cnn hard", "linear soft"]
    assert answer["smallestFirst"] == ["cnn hard", "cnn soft", "teacher", "linear soft"]
    assert answer["sorted"] == "ascending"
    assert answer["byName"] == ["cnn hard", "cnn soft", "linear soft", "teacher"]
    assert answer["filtered"] == ["cnn hard", "cnn soft"]
    assert answer["count"] == "2 of 4 files"
    assert answer["front"] == ["cnn soft", "linear soft", "teacher"]
    assert (answer["before"], answer["after"]) == (["latency"], ["size"])
    assert answer["tip"].startswith("teacher, eager\nmacro-F1: 90.0 [88.0, 92.0]\np50 ms: 10\nMB: 90.00")
    assert answer["overlapping"] == 0


def test_page_is_no_wider_than_a_phone(tmp_path):
    answer, _ = opened(page_of([sample_run(*rows())], [tmp_path]), tmp_path, width=500)  # the narrowest it opens
    assert not answer["wide"]


def test_names_that_hold_scripts_run_none(tmp_path):
    trap = "<script>console.log('run')</script><img src=x onerror=console.log('run')>"
    text = page_of([sample_run(*rows(), sample_row(f"{trap} soft", 0.85, 0.45), name=trap)], [tmp_path])
    answer, console = opened(text, tmp_path)
    assert console == []
    assert any(trap in model for model in answer["largestFirst"])


def test_five_thousand_rows_sort_and_filter(tmp_path):
    answer, console = opened(page_of([sample_run(*rows(5000))], [tmp_path]), tmp_path)
    assert console == []
    assert answer["count"] == "2 of 5004 files"
    print(f"5,000 rows: opened, sorted three times and filtered in {answer['milliseconds']:.0f} ms")
