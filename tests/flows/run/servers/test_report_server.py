"""The reports have an address while the deployments are served, and are plain files otherwise."""

from pathlib import Path

import httpx
import pytest

from flows.run.servers.report_server import link_to, reports_served


def test_a_report_is_found_under_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path("reports/contracts/clips.html")
    page.parent.mkdir(parents=True)
    page.write_text("holds")
    (tmp_path / "secret").write_text("not a report")
    assert link_to(page) == page.resolve().as_uri()
    with reports_served() as address:
        assert link_to(page) == f"{address}/contracts/clips.html"
        assert httpx.get(link_to(page)).text == "holds"
        assert httpx.get(f"{address}/%2e%2e/secret").status_code == 404
    assert link_to(page) == page.resolve().as_uri()
