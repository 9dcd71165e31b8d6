"""The history is served on free ports only; an occupied one is named with the way round it."""

import socket

import pytest

from flows.ui import main


@pytest.mark.parametrize("option", ["--mlflow-port", "--prefect-port"])
def test_an_occupied_port_is_named_with_the_way_round_it(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert main(["--mlflow-port", "0", "--prefect-port", "0", option, str(port)]) == 2
    told = capsys.readouterr().err
    variable = option.removeprefix("--").replace("-", "_").upper()
    assert f"Port {port} is in use" in told
    assert f"make ui {variable}={port + 1}" in told
