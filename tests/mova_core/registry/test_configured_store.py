"""params.yaml says where the artifact store is."""

import pytest

from mova_core.errors import UsageError
from mova_core.registry.configured_store import configured_store


@pytest.mark.parametrize("written", [None, "{}", "registry: {store: null}"])
def test_a_project_has_a_store_of_its_own(tmp_path, written):
    if written is not None:
        (tmp_path / "params.yaml").write_text(written)
    assert configured_store(tmp_path).address == str(tmp_path / ".mova/artifacts")


def test_a_folder_is_meant_from_the_project_and_a_bucket_is_not_asked(tmp_path):
    for store, address in {
        "kept": str(tmp_path / "kept"),
        "/srv/kept": "/srv/kept",
        "s3://bucket/a/b/": "s3://bucket/a/b",
    }.items():
        (tmp_path / "params.yaml").write_text(f"registry: {{store: '{store}'}}")
        assert configured_store(tmp_path).address == address


@pytest.mark.parametrize("store", ["gs://bucket", "''", "s3://B/x", "s3://", "https://key:secret@host/bucket"])
def test_other_addresses_are_refused(tmp_path, store):
    (tmp_path / "params.yaml").write_text(f"registry: {{store: {store}}}")
    with pytest.raises(UsageError, match=r"expected|at least 1 character"):
        configured_store(tmp_path)
