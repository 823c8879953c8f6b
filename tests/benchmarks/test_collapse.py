"""Nothing is measured where there is no model."""

from benchmarks.sampler import collapse


def test_without_a_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert collapse.rows() == []
    assert "not measured" in capsys.readouterr().err
