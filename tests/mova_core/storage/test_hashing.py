"""A folder's digest is that of its files and their paths, as a shell computes it."""

import subprocess

from mova_core.storage.hashing import sha256_folder

IN_A_SHELL = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"


def test_a_folder_has_the_digest_that_a_shell_computes(tmp_path):
    (tmp_path / "part").mkdir()
    for name, text in (("b.txt", "one"), ("a b.txt", "two"), ("part/c.txt", "three")):
        (tmp_path / name).write_text(text)
    before = sha256_folder(tmp_path)
    printed = subprocess.run(IN_A_SHELL, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == before
    (tmp_path / "b.txt").rename(tmp_path / "d.txt")
    assert sha256_folder(tmp_path) != before
