"""CLAP compares audio and text by a folder of transformers' layout: its windows, its rate, its settings."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizerFast

from mova_core.errors import UsageError
from mova_core.measures.clip import Asked, Unavailable
from mova_core.measures.models.clap import check, load

TEXT = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
AUDIO = {"patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2]}
PUBLISHED = {"frequency_min": 50, "frequency_max": 14_000, "padding": "repeatpad"}
WORDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "bell", "dog", "rings", "barks"]


@pytest.fixture(scope="module", params=["unfused", "fused"])
def written(request, tmp_path_factory, drawn_weights):
    """A folder as laion/clap-htsat-unfused or -fused has it, of a tiny model."""
    folder = tmp_path_factory.mktemp("clap")
    fused = request.param == "fused"
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    RobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    audio = {**AUDIO, "num_hidden_layers": 2, "enable_fusion": fused, "fusion_type": "aff_2d" if fused else None}
    config = ClapConfig(text_config=TEXT, audio_config=audio, projection_dim=12)
    config.save_pretrained(folder)
    ClapFeatureExtractor(**PUBLISHED, truncation="fusion" if fused else "rand_trunc").save_pretrained(folder)
    with torch.device("meta"):
        state = ClapModel(config).state_dict()
    drawn = drawn_weights({name: tensor for name, tensor in state.items() if tensor.is_floating_point()})
    save_file({**drawn, **_indices(config)}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _indices(config):
    state = ClapModel(config).state_dict()
    return {name: tensor.clone() for name, tensor in state.items() if not tensor.is_floating_point()}


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "clap")


@pytest.fixture(scope="module")
def clap(written):
    check(written / "model.safetensors")
    return load(written / "model.safetensors")


def test_the_published_model_has_the_default_sizes():
    with torch.device("meta"):
        model = ClapModel(ClapConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == 153_492_890
    assert model.audio_projection.linear2.weight.shape == (512, 512)


def test_similarity_is_the_cosine_of_both_embeddings(clap, written, tones):
    audio = tones(10, 48_000)
    model = ClapModel.from_pretrained(written).eval()
    seen = ClapFeatureExtractor.from_pretrained(written)(audio, sampling_rate=48_000, return_tensors="pt")
    tokens = RobertaTokenizerFast.from_pretrained(written)("a bell rings", return_tensors="pt")
    with torch.no_grad():
        output = model(**tokens, input_features=seen["input_features"].float(), is_longer=seen["is_longer"])
    expected = float(output.audio_embeds[0] @ output.text_embeds[0])
    assert clap.similarity(audio, 48_000, "a bell rings") == pytest.approx(expected, abs=1e-5)
    assert clap.similarity(audio, 48_000, "a dog barks") != pytest.approx(expected, abs=1e-3)


def test_embeddings_have_length_1_and_repeat_themselves(clap, tones):
    audio = tones(12, 48_000)  # two windows, of which the published code would draw a random one
    found = clap.embed(audio, 48_000)
    assert (found.shape, found.dtype) == ((12,), np.float32)
    assert np.linalg.norm(found) == pytest.approx(1)
    np.testing.assert_array_equal(found, clap.embed(audio, 48_000))
    first, second = clap.embed(audio[:480_000], 48_000), clap.embed(audio[480_000:], 48_000)
    mean = (10 * first + 2 * second) / 12
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(clap.embed(audio[:240_000], 48_000), clap.embed(np.tile(audio[:240_000], 2), 48_000))


def test_loading_says_nothing(written, capfd):
    load(written / "model.safetensors")
    assert capfd.readouterr() == ("", "")


def test_a_clip_is_compared_with_what_it_was_asked(clap, tones, audio_clip):
    clip = audio_clip(tones(1, 48_000), 48_000)
    assert "asked for" in clap(clip)["clap"].reason
    asked = replace(clip, asked=Asked(prompt="a bell rings"))
    assert clap(asked) == {"clap": clap.similarity(clip.audio, 48_000, "a bell rings")}


def test_what_it_cannot_compare_has_a_reason(clap, tones):
    for audio, text, told in (
        (np.zeros(48_000, np.float32), "a bell", "silent"),
        (np.full(48_000, np.nan, np.float32), "a bell", "no numbers"),
        (tones(0.02, 48_000), "a bell", "the model needs 0.0213 s"),
        (tones(1, 48_000), " ", "no text"),
    ):
        found = clap.similarity(audio, 48_000, text)
        assert isinstance(found, Unavailable) and told in found.reason
    assert -1 <= clap.similarity(tones(1, 16_000), 16_000, "a bell " * 200) <= 1


def test_weights_without_the_constants_of_older_versions_are_taken(folder, clap, tones):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["text_model.embeddings.position_ids"], tensors["text_model.embeddings.token_type_ids"]
    save_file(tensors, path, metadata={"format": "pt"})
    check(path)
    found = load(path).similarity(tones(1, 48_000), 48_000, "a bell")
    assert found == pytest.approx(clap.similarity(tones(1, 48_000), 48_000, "a bell"), abs=1e-6)


def test_other_folders_are_refused(folder):
    path = folder / "model.safetensors"
    with pytest.raises(UsageError, match=r"other\.safetensors, which is not named model\.safetensors"):
        check(folder / "other.safetensors")
    tensors = load_file(path)
    save_file({**tensors, "logit_scale_a": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match=r"logit_scale_a of shape \[2\], not \[\]: expected the model\.safetensors of"):
        check(path)
    settings = folder / "preprocessor_config.json"
    stated = json.loads(settings.read_text())
    other = {"fusion": "rand_trunc", "rand_trunc": "fusion"}[stated["truncation"]]
    settings.write_text(json.dumps({**stated, "truncation": other}))
    with pytest.raises(UsageError, match=r"lies beside a preprocessor_config\.json for another model, fused or not"):
        check(path)
    settings.unlink()
    with pytest.raises(UsageError, match="lies in a folder without the settings of CLAP"):
        check(path)
