"""A finished part is found again by what it was made from, and only by that."""

from mova_core.params import CutParams
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache


def test_a_part_is_found_under_its_fingerprint_only(tmp_path):
    cache = ResultCache("segment", tmp_path)
    cache.put(sha256_json("a", 1), {"cuts_s": [1.5]})
    assert ResultCache("segment", tmp_path).get(sha256_json("a", 1)) == {"cuts_s": [1.5]}
    assert cache.get(sha256_json("a", 2)) is None
    assert ResultCache("cut", tmp_path).get(sha256_json("a", 1)) is None


def test_a_hash_follows_params():
    assert sha256_json(CutParams()) == sha256_json(CutParams()) != sha256_json(CutParams(crf=20))
