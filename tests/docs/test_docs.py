"""The commands in the documentation work as they are written, in the order they are written."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.timeout(900)  # the first test may wait for a whole life
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_commands_of_a_page(page, life, run, tmp_path):
    project = shutil.copytree(life[0], tmp_path / "project", symlinks=True)
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.splitlines() if line]
    assert lines, f"{page.name} shows no command"
    for line in lines:
        run(project, *shlex.split(line, comments=True))
