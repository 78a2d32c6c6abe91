"""Where the ledger is: --ledger on either side, TALLY_LEDGER, a tally.toml, or ./tally.db."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import Json, World, tally_process, valid


def config(folder: Path, *words: str, **environment: str) -> dict[str, Json]:
    """Return the settings in force, by name."""
    told = tally_process(*words, "config", "--json", cwd=folder, **environment)
    assert told.code == 0, told
    return {setting["name"]: setting for setting in valid(told.json)["settings"]}


def test_the_nearest_setting_wins(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert config(inner)["ledger"] == {
        "name": "ledger", "value": "./tally.db", "source": "default", "where": None,
    }  # fmt: skip
    (tmp_path / "tally.toml").write_text('ledger = "books/t.db"\n')
    assert config(inner)["ledger"] == {
        "name": "ledger", "value": str(tmp_path / "books/t.db"), "source": "file",
        "where": str(tmp_path / "tally.toml"),
    }  # fmt: skip
    (tmp_path / "a" / "tally.toml").write_text("")
    assert config(inner)["ledger"]["source"] == "default", "the nearest file counts, alone"
    (tmp_path / "a" / "tally.toml").write_text('ledger = "/elsewhere/t.db"\n')
    assert config(inner)["ledger"]["value"] == "/elsewhere/t.db"
    from_variable = config(inner, TALLY_LEDGER="v.db")["ledger"]
    assert (from_variable["value"], from_variable["where"]) == ("v.db", "TALLY_LEDGER")
    assert config(inner, TALLY_LEDGER="")["ledger"]["source"] == "file"
    before = config(inner, "--ledger", "before.db", TALLY_LEDGER="v.db")["ledger"]
    assert (before["value"], before["source"]) == ("before.db", "option")
    told = tally_process(
        "--ledger", "before.db", "config", "--ledger", "after.db", "--json", cwd=inner
    )
    assert told.json["settings"][0]["value"] == "after.db"


def test_every_command_takes_the_option_on_either_side(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    world.done("record", "open-account", "--account", "a-1")
    after = tally_process("state", "a-1", "--json", "--ledger", world.path)
    before = tally_process("--ledger", world.path, "state", "a-1", "--json")
    assert (after.code, before.out) == (0, after.out)
    assert tally_process("--ledger", world.path, "projections", "status").code == 0
    (tmp_path / "tally.toml").write_text('ledger = "t.db"\n')
    (tmp_path / "below").mkdir()
    assert tally_process("state", "a-1", "--json", cwd=tmp_path / "below").out == after.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'legder = "x"', "did you mean ledger?"), (b"ledger = 5", "is not a non-empty text"),
        (b'ledger = ""', "is not a non-empty text"), (b"ledger =", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"), (b"a=" + b"[" * 5000, "nested too deeply"),
        (b'ledger = "a\\u0000b"', "is not a non-empty text"), (b"ledger = " + b"9" * 5000, "TOML"),
        (b'ledger = "mysql://u:secret@h/d"', "mysql: is neither"),
        (b"#" * (2 << 20), "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_a_bad_file_of_settings_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "tally.toml").write_bytes(content)
    for words in (("status",), ("config",)):
        told = tally_process(*words, cwd=tmp_path)
        assert told.code == 2, told
        assert says in told.err
        assert told.err.count("\n") == 1
        assert "secret" not in told.err
    assert tally_process("--help", cwd=tmp_path).code == 0


def test_a_folder_or_a_pipe_of_that_name_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "tally.toml").mkdir()
    assert config(tmp_path)["ledger"]["source"] == "default"


def test_no_secret_is_a_setting(tmp_path: Path) -> None:
    secrets = {
        "TALLY_KEY": " PRIVATE+KEY+HUSH1", "TALLY_WEBHOOK_SECRET": "whsec_HUSH2",
        "TALLY_LEDGER": "postgresql://u:HUSH3@h/d?sslpassword=HUSH4",
    }  # fmt: skip
    for form in ([], ["--json"]):
        told = tally_process("config", *form, cwd=tmp_path, **secrets)
        assert told.code == 0, told
        assert "HUSH" not in told.out + told.err
    found = config(tmp_path, **secrets)
    assert found["key"]["value"] == "the key itself"
    assert found["webhook_secret"]["value"] == "set"
    assert found["ledger"]["value"] == "postgresql://u:***@h/d?sslpassword=***"


def test_a_key_is_known_for_one_however_it_is_spelled(tmp_path: Path) -> None:
    for key in ("private+key+x+HUSH", "Private+Key+x+HUSH"):
        told = tally_process("seal", "--key", key, "--ledger", "t.db", cwd=tmp_path)
        assert (told.code, "HUSH" in told.err) == (2, False)


def test_the_page_of_settings(tmp_path: Path) -> None:
    told = tally_process("config", cwd=tmp_path)
    assert told.out.splitlines()[:2] == [
        "setting         value         from",
        "ledger          ./tally.db    default",
    ]
    assert json.loads(tally_process("config", "--json", cwd=tmp_path).out)["settings"]
