"""params.yaml is what the params classes say, and says what each value means."""

from pathlib import Path

import pytest

from mova_core.params import PRESETS, defaults_of, load_params, params_from
from mova_core.params.write import main, params_text

REPOSITORY = Path(__file__).parents[3]


def test_the_committed_file_is_what_is_written():
    assert (REPOSITORY / "params.yaml").read_text() == params_text(), "run `python -m mova_core.params.write`"


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_written_is_the_preset(tmp_path, preset):
    file = tmp_path / "params.yaml"
    assert main([preset, str(file)]) == 0
    assert load_params(file) == params_from(defaults_of(preset))


def test_a_meaning_is_told_once(tmp_path):
    text = params_text()
    assert text.count("# share of clips trained on the empty text") == 1
    assert "validation_share: 0.06 # of sources, by hash" in text
    assert "  ingest: {cpu: 1, gpu: 0, memory_mb: null, seconds: null}" in text


def test_what_changes_in_a_file_is_told(tmp_path, capsys):
    file = tmp_path / "params.yaml"
    file.write_text(params_text().replace("lr: 0.0015", "lr: 0.002"))
    assert main(["nano", str(file)]) == 0
    assert capsys.readouterr().out == f"wrote {file}\ntrain.optimizer.lr: 0.002 -> 0.0015\n"
    file.write_text("preset: [")
    assert main(["nano", str(file)]) == 2
    assert "not readable YAML" in capsys.readouterr().err
    assert file.read_text() == "preset: ["
