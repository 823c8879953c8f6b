"""A marked clip says, signed, what made it; whatever is done to it afterwards is told, and nothing else is believed."""

import stat
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mova_core.errors import EndpointError, MediaError, UsageError
from mova_core.marking.credential import CHAIN_VARIABLE, KEY_VARIABLE, Credential, read_credential
from mova_core.marking.detect import detect
from mova_core.marking.development import credential_of
from mova_core.marking.manifest import read_manifest
from mova_core.marking.sign import TRAINED, sign_clip
from mova_core.marking.unmarked import without_manifest
from mova_core.media.encode import write_media
from mova_core.media.provenance import Provenance, Recipe, read_provenance, write_provenance
from mova_core.places import C2PA_DEVELOPMENT

PROMPT = "a secret red ball"
RECIPE = Recipe(PROMPT, "", 3, {"steps": 2}, {}, {"video": "b" * 64}, {"device": "cpu"}, 1, {"torch": "2"})
PROVENANCE = Provenance("0123456789abcdef", recipe=RECIPE)


@pytest.fixture(autouse=True)
def no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY_VARIABLE, CHAIN_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture
def credential(project: Path, no_operator: None) -> Credential:
    return credential_of(project)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A generated clip, not yet marked."""
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 32, 3), dtype=np.uint8)
    path = tmp_path / "clip.mp4"
    audio = np.sin(np.arange(8000) / 20).astype(np.float32) / 2
    write_media(path, frames, 16, audio, 16000, container="mp4", video_codec="libx264", audio_codec="aac", crf=14)
    write_provenance(path, PROVENANCE)
    return path


def state(path: Path, roots: str | None = None) -> str | None:
    manifest = read_manifest(path, roots)
    return None if manifest is None else manifest.state


def altered(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    other = path.with_name("altered.mp4")
    other.write_bytes(data)
    return other


def packets(path: Path) -> list[tuple[int, int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.stream_index, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def test_a_marked_clip_says_what_made_it_and_its_media_are_the_same(clip: Path, credential: Credential) -> None:
    before, unmarked = packets(clip), clip.read_bytes()
    assert read_manifest(clip) is None
    sign_clip(clip, {}, credential)
    manifest = read_manifest(clip)
    assert manifest is not None and (manifest.state, manifest.faults) == ("valid", ())
    assert manifest.source_types == (TRAINED.rpartition("/")[2],) == ("trainedAlgorithmicMedia",)
    assert manifest.generation is not None and manifest.generation["checkpoint_id"] == PROVENANCE.checkpoint_id
    assert manifest.generation["inputs"] == RECIPE.inputs and len(manifest.generation["prompt_sha256"]) == 64
    assert "mova-mlops" in str(manifest.generator) and "development" in str(manifest.signer)
    assert packets(clip) == before and read_provenance(clip) == PROVENANCE
    assert clip.read_bytes() != unmarked and without_manifest(clip.read_bytes()) == unmarked
    assert without_manifest(unmarked) == unmarked


def test_the_manifest_holds_no_prompt(clip: Path, credential: Credential) -> None:
    before = clip.read_bytes()
    sign_clip(clip, {}, credential)
    assert clip.read_bytes().count(PROMPT.encode()) == before.count(PROMPT.encode()) == 1  # the provenance's


def test_a_signer_is_trusted_by_its_own_root_alone(clip: Path, project: Path, tmp_path: Path) -> None:
    sign_clip(clip, {}, credential_of(project))
    other = credential_of(tmp_path)
    own_root, other_root = (
        roots.chain.partition("-----END CERTIFICATE-----\n")[2] for roots in (credential_of(project), other)
    )
    assert (state(clip, own_root), state(clip, other_root)) == ("trusted", "valid")


def test_each_altered_byte_is_told(clip: Path, credential: Credential) -> None:
    sign_clip(clip, {}, credential)
    data = clip.read_bytes()
    places = {
        "media": data.rfind(b"mdat") + 50,
        "sample tables": data.rfind(b"stts") + 12,
        "claim": data.find(PROVENANCE.checkpoint_id.encode()) + 2,
        "provenance": data.rfind(PROVENANCE.checkpoint_id.encode()) + 2,
    }
    assert len(set(places.values())) == len(places)
    assert {name: state(altered(clip, at)) for name, at in places.items()} == dict.fromkeys(places, "altered")
    clip.write_bytes(data + b"\0\0\0\x08skip" + b"\0\0\0\x10mdat12345678")
    assert state(clip) == "altered"


def test_a_forged_signature_is_told(clip: Path, credential: Credential) -> None:
    sign_clip(clip, {}, credential)
    data = clip.read_bytes()
    leaf = x509.load_pem_x509_certificate(credential.chain.encode()).public_bytes(serialization.Encoding.DER)
    within = data.find(leaf) + len(leaf) - 10  # of the issuer's signature of the leaf
    assert state(altered(clip, within)) in ("altered", "invalid")
    stranger = replace(credential, key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Exception, match="could not be signed"):
        sign_clip(clip, {}, stranger)
    assert clip.read_bytes() == data, "a clip that cannot be signed is left as it was"


def test_markings_of_inputs_stay_with_the_clip(clip: Path, credential: Credential, tmp_path: Path) -> None:
    given, plain, changed = (tmp_path / name for name in ("given", "plain", "changed"))
    plain.write_bytes(clip.read_bytes())
    sign_clip(clip, {}, credential)
    given.write_bytes(clip.read_bytes())
    clip.write_bytes(plain.read_bytes())
    sign_clip(clip, {}, credential)  # another manifest than the first
    changed.write_bytes(altered(clip, clip.read_bytes().rfind(b"mdat") + 50).read_bytes())
    text = tmp_path / "no-media"
    text.write_bytes(b"hello")
    clip.write_bytes(plain.read_bytes())
    sign_clip(clip, {"video": given, "image": plain, "audio": text, "last_image": changed}, credential)
    manifest = read_manifest(clip)
    assert manifest is not None and manifest.state == "valid"
    kept = {each.title: (each.state, each.generator) for each in manifest.ingredients}
    assert set(kept) == {"video", "last_image"} and "mova-mlops" in str(kept["video"][1])
    assert (kept["video"][0], kept["last_image"][0]) == ("valid", "altered")


def test_a_clip_that_is_muxed_again_has_lost_its_marking(clip: Path, credential: Credential, tmp_path: Path) -> None:
    sign_clip(clip, {}, credential)
    again = tmp_path / "again.mp4"
    with av.open(str(clip)) as source, av.open(str(again), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    assert read_manifest(again) is None and read_provenance(again) is None


def test_what_carries_no_provenance_is_not_signed(clip: Path, credential: Credential, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    frames = np.zeros((3, 32, 32, 3), np.uint8)
    write_media(other, frames, 16, None, 16000, container="mp4", video_codec="libx264", audio_codec="aac", crf=14)
    with pytest.raises(MediaError, match="carries no provenance"):
        sign_clip(other, {}, credential)


def test_an_authority_that_does_not_answer_is_named(clip: Path, credential: Credential) -> None:
    before = clip.read_bytes()
    with pytest.raises(EndpointError, match=r"time stamp authority at http://127.0.0.1:9/"):
        sign_clip(clip, {}, credential, "http://127.0.0.1:9/")
    assert clip.read_bytes() == before


def test_the_development_key_is_made_once_told_once_and_its_owners_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = credential_of(tmp_path)
    assert "nobody trusts" in capfd.readouterr().err
    assert credential_of(tmp_path).chain == first.chain and capfd.readouterr().err == ""
    path = tmp_path / C2PA_DEVELOPMENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and [path] == list(path.parent.iterdir())
    assert "BEGIN" not in repr(first)


def test_the_operators_key_signs_where_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own = credential_of(tmp_path / "own")
    pem = (tmp_path / "own" / C2PA_DEVELOPMENT).as_posix()
    capfd.readouterr()
    monkeypatch.setenv(KEY_VARIABLE, pem)
    with pytest.raises(UsageError, match=f"{CHAIN_VARIABLE} is not"):
        credential_of(tmp_path)
    monkeypatch.setenv(CHAIN_VARIABLE, pem)
    assert credential_of(tmp_path).chain == own.chain
    assert capfd.readouterr().err == "" and not (tmp_path / C2PA_DEVELOPMENT).exists()


def test_keys_and_chains_that_cannot_sign_are_refused(project: Path, credential: Credential, tmp_path: Path) -> None:
    own = project / C2PA_DEVELOPMENT
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    keys = {
        "other": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "rsa": rsa.generate_private_key(65537, 2048),
    }
    for name, key in keys.items():
        (tmp_path / name).write_bytes(key.private_bytes(pem, pkcs8, plain))
    leaf, root = x509.load_pem_x509_certificates(own.read_bytes())
    (tmp_path / "root").write_bytes(root.public_bytes(pem))
    (tmp_path / "twice").write_bytes(leaf.public_bytes(pem) * 2)
    (tmp_path / "junk").write_bytes(b"-----BEGIN NOTHING-----")
    refused = {
        ("other", own): "is not the key of the first certificate",
        ("p384", own): "expected an elliptic curve key on P-256",
        ("rsa", own): "expected an elliptic curve key on P-256",
        ("junk", own): "cannot be read as a private key",
        ("lost", own): "cannot be read as a private key",
        (own, "root"): "is self-signed",
        (own, "twice"): "was not issued by the second",
        (own, "junk"): "cannot be read as PEM certificates",
    }
    for (key, chain), why in refused.items():
        with pytest.raises(UsageError, match=why):
            read_credential(tmp_path / key, tmp_path / chain)


def test_detect_tells_all_of_it_in_words(clip: Path, credential: Credential, project: Path, tmp_path: Path) -> None:
    found = detect(clip)
    assert (found["marked"], found["generated"], found["c2pa"]) == (True, True, None)
    sign_clip(clip, {}, credential)
    roots = tmp_path / "roots.pem"
    roots.write_text(credential.chain.partition("-----END CERTIFICATE-----\n")[2])
    found = detect(clip, roots)
    assert found["c2pa"]["state"] == "trusted" and found["provenance"]["checkpoint_id"] == PROVENANCE.checkpoint_id
    assert "whole" in found["text"] and PROVENANCE.checkpoint_id in found["text"]
    found = detect(altered(clip, clip.read_bytes().rfind(b"mdat") + 50))
    assert "ALTERED" in found["text"] and "assertion.bmffHash.mismatch" in found["c2pa"]["faults"]


def test_detect_of_what_carries_nothing(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    found = detect(tmp_path / "note.txt")
    assert (found["marked"], found["generated"], found["c2pa"], found["provenance"]) == (False, False, None, None)
    assert "carries no marking" in found["text"] and found["notes"]
    with pytest.raises(UsageError, match="is no file"):
        detect(tmp_path / "lost.mp4")
    with pytest.raises(UsageError, match="expected PEM"):
        detect(tmp_path / "note.txt", tmp_path / "note.txt")
