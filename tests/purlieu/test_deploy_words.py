"""``purlieu deploy`` refuses what cannot be deployed before it asks any server."""

from __future__ import annotations

from pathlib import Path

import pytest

from purlieu.main import main
from tests.purlieu.said import refused


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--cron", "30 2 * *"], "--cron = '30 2 * *'"),
        (["--cron", "61 2 * * *"], "minute hour day month weekday"),
        (["--cron", "30 2 * * *", "--timezone", "Mars/Base"], "--timezone = 'Mars/Base'"),
        (["--interval", "0"], "--interval = 0.0"),
        (["--interval", "nan"], "--interval = nan"),
        (["--interval", "60", "--timezone", "UTC"], "with --cron only"),
        (["--interval", "60", "--grace", "5"], "with --catch-up none only"),
        (["--interval", "60", "--catch-up", "none", "--grace", "-5"], "0 or more seconds"),
        (["--pause", "--set", "fastrp.dim=64"], "together with --cron or --interval"),
        (["--catch-up", "all"], "together with --cron or --interval"),
        (["--cron", "30 2 * * *", "--set", "fastrp.dimm=64"], "did you mean 'dim'?"),
        (["--cron", "30 2 * * *", "--set", "fastrp.dim=-1"], "fastrp.dim"),
    ],
)
def test_one_line_and_exit_code_2(
    small_config: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    assert text in refused(capsys, 2, "deploy", small_config, *words)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--cron", "30 2 * * *", "--interval", "60"], "not allowed with argument --cron"),
        (["--pause", "--remove"], "not allowed with argument --pause"),
        (["--interval", "often"], "invalid float value: 'often'"),
        (["--interval", "60", "--catch-up", "lates"], "did you mean 'latest'?"),
    ],
)
def test_wrong_words_get_one_line(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["deploy", "x.toml", *words])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert text in error
