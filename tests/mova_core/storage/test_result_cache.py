"""A finished result is found again by what it was made from, and only by that."""

from mova_core.params import CutParams
from mova_core.storage import result_cache
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache


def test_a_result_is_found_under_its_hash_only(tmp_path):
    cache = ResultCache("segment", tmp_path)
    cache.put(sha256_json("a", 1), {"cuts_s": [1.5]})
    assert ResultCache("segment", tmp_path).get(sha256_json("a", 1)) == {"cuts_s": [1.5]}
    assert cache.get(sha256_json("a", 2)) is None
    assert ResultCache("cut", tmp_path).get(sha256_json("a", 1)) is None


def test_other_code_does_not_find_a_stage_result(tmp_path, monkeypatch):
    ResultCache.of_stage("segment", tmp_path).put("abc", 1)
    assert ResultCache.of_stage("segment", tmp_path).get("abc") == 1
    monkeypatch.setattr(result_cache, "stage_version", lambda stage: "0" * 64)
    assert ResultCache.of_stage("segment", tmp_path).get("abc") is None


def test_a_hash_follows_params():
    assert sha256_json(CutParams()) == sha256_json(CutParams()) != sha256_json(CutParams(crf=20))
