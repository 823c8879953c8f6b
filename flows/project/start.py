"""Makes a folder a project: everything that `mova` and the flows expect to find in the folder they are started in.

| file | from |
|---|---|
| params.yaml | the params classes: every value of preset nano |
| data/takedowns.json | empty: no footage is taken down |
| dvc.yaml, .dvcignore, .gitignore, prefect.toml | this repository's, which the package carries in `files/` |
| .dvc, .git | `dvc init`, and `git init` where the folder belongs to no repository |

A file that is there already stays as it is, so it can be run again after anything.
"""

import logging
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from flows.project.dvc_config import edited_config
from mova_core.errors import UsageError
from mova_core.params.write import params_text
from mova_core.places import PARAMS, TAKEDOWNS
from mova_core.storage.atomic import make_folder, write_text

FILES = Path(__file__).parent / "files"
DVC_YAML = "dvc.yaml"
CARRIED = {
    DVC_YAML: "pipeline.yaml",
    ".dvcignore": "dvcignore",
    ".gitignore": "gitignore",
    "prefect.toml": "prefect.toml",
}
"""File of a project: its name in `files/`, by which neither git nor DVC takes it for one of this repository's own."""
CODE_IS_OUTSIDE = "always_changed: true # the code is installed outside of the project, where DVC does not look"
CORE = {"analytics": "false", "check_update": "false"}
"""Of .dvc/config: DVC phones nobody."""


@dataclass(frozen=True, slots=True)
class Started:
    """What has become of a folder.

    Args:
        written: files and folders that were made, relative to it.
        differing: files that were there, and are not what a new project would have.
    """

    written: tuple[str, ...]
    differing: tuple[str, ...]


def start_project(folder: Path) -> Started:
    """Make a folder a project; what is there already stays.

    Raises:
        UsageError: it cannot be written to, there is no git, or git ignores it.
    """
    if shutil.which("git") is None:
        raise UsageError("git is not found, and DVC keeps its history in it: install git, then run `mova init` again")
    make_folder(folder)
    texts = {name: carried_text(name) for name in CARRIED}
    texts |= {PARAMS.name: params_text(), TAKEDOWNS.as_posix(): "{}\n"}
    written = [name for name in texts if not (folder / name).exists()]
    for name in written:
        write_text(folder / name, texts[name])
    written += _start_git_and_dvc(folder)
    as_new = {name: {texts[name], (FILES / CARRIED[name]).read_text(encoding="utf-8")} for name in CARRIED}
    differing = [name for name, text in as_new.items() if (folder / name).read_text(encoding="utf-8") not in text]
    return Started(tuple(sorted(written)), tuple(differing))


def carried_text(name: str) -> str:
    """What a new project has in a file of CARRIED."""
    text = (FILES / CARRIED[name]).read_text(encoding="utf-8")
    return _with_installed_code(text) if name == DVC_YAML else text


def _with_installed_code(text: str) -> str:
    """dvc.yaml whose stage `code_versions` does not depend on folders of code, which only a clone has."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    stages = _entry(root, "stages")[1]
    deps, folders = _entry(_entry(stages, "code_versions")[1], "deps")
    start, end = deps.start_mark, folders.end_mark.index  # the end is where the next key starts
    return f"{text[: start.index]}{CODE_IS_OUTSIDE}\n{' ' * start.column}{text[end:]}"


def _entry(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node]:
    """Key and value of a mapping's entry."""
    assert isinstance(node, yaml.MappingNode)
    return next((key, value) for key, value in node.value if key.value == name)


def _start_git_and_dvc(folder: Path) -> list[str]:
    """`git init` and `dvc init` where they are missing; what was made."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)  # the import has set another; the caller says what was made
    made = []
    if not _is_in_git(folder):
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
        made.append(".git/")
    if not (folder / ".dvc").is_dir():
        try:
            Repo.init(str(folder), subdir=not (folder / ".git").exists()).close()
        except DvcException as error:
            raise UsageError(f"DVC cannot be set up in {folder}: {' '.join(str(error).split())}") from None
        made.append(".dvc/")
    with edited_config(folder) as config:
        config["core"] = CORE | config["core"]
    return made


def _is_in_git(folder: Path) -> bool:
    asked = ["git", "-C", str(folder), "rev-parse", "--is-inside-work-tree"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
