"""The stages come from dvc.yaml, in DVC's order, and none is called unchanged unless all above it is."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from flows.run.stages.plan import plan
from mova_core.errors import UsageError

NAMES = ["ingest", "contract@sources", "cut", "contract@latents"]


def reproduce() -> None:
    with Repo() as repo:
        repo.reproduce()


def test_before_the_first_run_every_stage_has_changed(project: Path) -> None:
    stages = plan("")
    assert [stage.name for stage in stages] == NAMES
    assert [stage.group for stage in stages] == ["ingest", "contract", "cut", "contract"]
    assert not any(stage.unchanged for stage in stages)


def test_after_a_run_every_stage_is_unchanged(project: Path) -> None:
    reproduce()
    assert all(stage.unchanged for stage in plan(""))


def test_what_lies_below_a_change_may_have_changed_and_is_not_called_unchanged(project: Path) -> None:
    reproduce()
    (project / "contract.sh").write_text((project / "contract.sh").read_text() + "# new\n")
    ingest, contract, cut, _ = plan("")
    assert ingest.unchanged and not contract.unchanged and not cut.unchanged
    assert contract.why == "contract.sh modified"
    assert cut.why == ""  # DVC decides when its turn has come


def test_a_param_and_a_damaged_output_count_as_changes(project: Path) -> None:
    reproduce()
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("preset: nano", "preset: other"))
    (project / "data" / "sources.txt").write_text("damaged")
    ingest, _, cut, _ = plan("")
    assert "data/sources.txt modified" in ingest.why
    assert "preset" in cut.why


def test_code_versions_are_brought_up_to_date_before_they_are_compared(project: Path) -> None:
    dvc = project / "dvc.yaml"
    dvc.write_text(
        dvc.read_text().replace('contracts/sources.json", cut.sh', 'contracts/sources.json", cut.sh, versions')
        + """
  code_versions:
    cmd: grep -v '#' cut.py > versions
    deps: [ cut.py ]
    outs: [ { versions: { cache: false } } ]
"""
    )
    (project / "cut.py").write_text("1\n")
    assert [stage.name for stage in plan("")] == NAMES
    reproduce()
    (project / "cut.py").write_text("1\n# a comment\n")
    assert all(stage.unchanged for stage in plan(""))
    (project / "cut.py").write_text("2\n")
    ingest, contract, cut, _ = plan("")
    assert ingest.unchanged and contract.unchanged and not cut.unchanged
    assert cut.why == "versions modified"


@pytest.mark.parametrize(("until", "names"), [("cut", NAMES[:3]), ("contract", NAMES), ("ingest", NAMES[:1])])
def test_until_takes_what_it_needs_and_no_more(project: Path, until: str, names: list[str]) -> None:
    assert [stage.name for stage in plan(until)] == names


def test_wrong_use_is_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no stage 'trian', it has ingest, contract@sources, cut, contract@latents"):
        plan("trian")
    (project / "dvc.yaml").write_text("stages: [")
    with pytest.raises(UsageError, match=r"dvc\.yaml"):
        plan("")
    monkeypatch.chdir("/")
    with pytest.raises(UsageError, match="DVC"):
        plan("")
