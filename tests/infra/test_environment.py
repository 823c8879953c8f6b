"""The script that makes `.venv`: run again after a stop, or after the lock has changed, it makes it anew."""

import shutil
import subprocess
import venv
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "infra" / "environment.sh"


def test_an_environment_is_made_anew_by_a_python_that_outlives_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "infra").mkdir()
    shutil.copy(SCRIPT, tmp_path / "infra")
    for name in ("requirements.lock", "overrides.txt", "pyproject.toml"):
        (tmp_path / name).touch()  # nothing to install: it ends once the environment itself is there
    venv.create(tmp_path / ".venv", with_pip=False)
    old = tmp_path / ".venv" / "bin"
    (old / "python3.11").unlink(missing_ok=True)
    (old / "python3.11").symlink_to("python")
    monkeypatch.setenv("PATH", f"{old}:/usr/local/bin:/usr/bin:/bin")  # as `make` has it
    monkeypatch.delenv("PYTHON", raising=False)
    (old / "marker").touch()
    answer = subprocess.run(["bash", "infra/environment.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert "No such file" not in answer.stderr
    assert (old / "python").exists() and not (old / "marker").exists()
