"""`--prompts`: whole, or one sentence with the line."""

import json

import pytest

from mova_core.errors import UsageError
from mova_core.sampling.request.prompt_file import read_prompts
from mova_core.sampling.request.wanted import Given, Wanted


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "prompts.jsonl"

    def write(*values):
        path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values), encoding="utf-8")
        return path

    return write


def test_names_seeds_and_images(lines, tmp_path):
    path = lines(
        {"prompt": "one"}, "", {"prompt": "two", "name": "b", "image": "x.png", "last_image": "y.png", "seed": 40}
    )
    assert read_prompts(path, seed=7) == [
        Wanted("00000", "one", 7),
        Wanted("b", "two", 40, Given(image=tmp_path / "x.png", last_image=tmp_path / "y.png")),
    ]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("{", "line 2 is not JSON"),
        ("A red ball", 'line 2 is not JSON .*such as {"prompt": "a red ball", "seed": 1}'),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[]", "line 2: Input should be a valid dictionary"),
        ({"prompt": 3}, "line 2: prompt is 3: "),
        ({"prompt": "x", "sed": 1}, "line 2: sed is 1: "),
        ({"prompt": "x", "seed": -1}, "line 2: seed is -1: "),
        ({"prompt": "x", "name": "../x"}, "line 2: name is '../x'"),
        ({"prompt": "x", "name": "00000"}, "names 2 clips '00000'"),
    ],
)
def test_a_wrong_line_is_named(lines, wrong, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_prompts(lines({"prompt": "fine"}, wrong), seed=0)


def test_no_file_and_no_line(lines, tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        read_prompts(tmp_path / "none.jsonl", seed=0)
    with pytest.raises(UsageError, match="has no line"):
        read_prompts(lines(""), seed=0)
