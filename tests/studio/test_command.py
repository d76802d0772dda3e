"""``dreamstream studio`` itself: its options, and what it says where it can't start."""

import builtins
import socket
from pathlib import Path
from typing import Any

import pytest

from dreamstream.__main__ import main
from dreamstream.errors import DreamstreamError, MissingLibraryError, UsageError
from dreamstream.studio import command


def test_the_first_word_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dreamstream", "studio", str(tmp_path / "none")])
    assert main() == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--port", "0"], ["--port", "x"], ["--nonsense"], ["a", "b"], ["--port", "70000"]]
)
def test_wrong_options_are_told(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        command.parse_options(arguments)


def test_without_the_extra_a_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingLibraryError, match=r"pip install dreamstream\[studio\]"):
        command.run_studio([str(tmp_path), "--no-browser"])
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_told_and_another_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DreamstreamError, match="give another --port"):
            command._listen("127.0.0.1", port)
    listener, port = command._listen("127.0.0.1", None)
    listener.close()
    assert port >= command.PORT


def test_only_this_machine_needs_no_token() -> None:
    assert command._address("127.0.0.1", 8765, None) == "http://127.0.0.1:8765/"
    assert command._address("::1", 8765, None) == "http://[::1]:8765/"
    assert command._address("10.0.0.7", 80, "abc") == "http://10.0.0.7:80/?token=abc"
    assert "0.0.0.0" not in command._address("0.0.0.0", 80, "abc")
