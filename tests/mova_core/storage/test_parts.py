"""A finished part is found again by what it was made from, and only by that."""

from mova_core.params import CutParams
from mova_core.storage.fingerprint import fingerprint
from mova_core.storage.parts import Parts


def test_a_part_is_found_under_its_fingerprint_only(tmp_path):
    parts = Parts("segment", tmp_path)
    parts.put(fingerprint("a", 1), {"cuts_s": [1.5]})
    assert Parts("segment", tmp_path).get(fingerprint("a", 1)) == {"cuts_s": [1.5]}
    assert parts.get(fingerprint("a", 2)) is None
    assert Parts("cut", tmp_path).get(fingerprint("a", 1)) is None


def test_a_fingerprint_follows_params_and_code():
    plain = fingerprint(CutParams(), modules=("mova_core.geometry",))
    assert plain == fingerprint(CutParams(), modules=("mova_core.geometry",))
    assert plain != fingerprint(CutParams(crf=20), modules=("mova_core.geometry",))
    assert plain != fingerprint(CutParams(), modules=("mova_core.errors",))
