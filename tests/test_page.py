"""The page of results, as a browser shows it."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

pytestmark = pytest.mark.xdist_group("after the smoke run")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_the_page_needs_nothing_else(project):
    page = (project / "results.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page and "url(" not in page
    assert page.count("data:image/png;base64,") == 12


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_every_entry_of_table_1(project, tmp_path):
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run(
        [BROWSER, *options, f"file://{project}/results.html"], capture_output=True, text=True, check=True, timeout=60
    )
    entries = re.search(r'(?s)<table id="entries">.*?</table>', done.stdout)[0]
    table = pd.read_csv(project / "metrics/table1.csv")
    assert len(re.findall(r"<small>", entries)) == len(table)
    assert "nan" not in entries
