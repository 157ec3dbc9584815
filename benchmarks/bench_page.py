"""The web page of a large leaderboard: made of rows, and read by a browser."""

from __future__ import annotations

import json
import time
from pathlib import Path

from made_browser import PROGRAM, in_browser
from made_large import large_rows

from benchmarks.in_turn import in_turn
from ntgbench.report import markdown, web
from ntgbench.report.pages import pages
from ntgbench.results import Row


def made(rows: list[Row]) -> dict[str, str]:
    """All files of the folder."""
    found = pages(rows)
    return {**markdown.render(rows, found), **web.render(rows, found)}


def bench_large_leaderboard_rebuild(benchmark) -> None:
    """20 systems, 6 datasets, 5 seeds, every suite; against writing the same rows as JSON and reading them back."""
    rows = large_rows()
    begun = time.process_time()
    texts = made(rows)
    benchmark.extra_info |= {
        "first_cpu_s": time.process_time() - begun,
        "page_bytes": len(texts["index.html"].encode()),
    }
    in_turn(benchmark, lambda: made(rows), lambda: json.loads(json.dumps(rows)), rounds=3)


@in_browser
def bench_large_page_until_ready(benchmark, tmp_path: Path) -> None:
    """From the start of the navigation until the page has set up its first view; at most a second is the aim."""
    from playwright.sync_api import sync_playwright

    file = tmp_path / "index.html"
    file.write_text(made(large_rows())["index.html"])
    took: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])

        def load() -> None:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(file.as_uri())
            took.append(page.evaluate("performance.getEntriesByName('ready')[0].startTime"))
            page.close()

        benchmark.pedantic(load, rounds=5, warmup_rounds=1)
        browser.close()
    benchmark.extra_info |= {"ready_ms": sorted(took)[len(took) // 2], "ours_ms": min(took)}
    print({name: round(value) for name, value in benchmark.extra_info.items()})
