"""A node is shown the plugins that it needs, and all of them where these can't be told."""

from pathlib import Path

import pytest

from ops.engines import plugins


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plugins, "INSTALLED", tmp_path / "lib")
    return tmp_path / "lib" / "rabbitmq_server-3.10.8" / "plugins"


def install(folder: Path, name: str, needs: str = "kernel,stdlib") -> None:
    (folder / f"{name}-1.0" / "ebin").mkdir(parents=True)
    description = f'{{application, {name},\n [{{vsn, "1.0"}},\n  {{applications, [{needs}]}}]}}.\n'
    (folder / f"{name}-1.0" / "ebin" / f"{name}.app").write_text(description)


def offered(folder: Path) -> set[str]:
    return {link.name for link in folder.iterdir() if (link / "ebin").is_dir()}


def test_what_is_wanted_is_offered_with_what_that_needs_and_no_more(installed: Path, tmp_path: Path) -> None:
    install(installed, "rabbit", "kernel,\n   ranch")
    install(installed, "ranch")
    install(installed, "rabbitmq_management", "stdlib,rabbit,cowboy")
    install(installed, "cowboy", "ranch")
    install(installed, "rabbitmq_mqtt", "rabbit")
    for _ in range(2):
        plugins.offer(tmp_path / "plugins", "rabbitmq_management")
        needed = {"rabbit-1.0", "ranch-1.0", "rabbitmq_management-1.0", "cowboy-1.0"}
        assert offered(tmp_path / "plugins") == needed


def test_nothing_is_left_out_where_plugins_are_archives_or_of_two_versions(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir()
    installed.mkdir(parents=True)
    (installed / "rabbit-1.0.ez").touch()
    plugins.offer(tmp_path / "plugins", "rabbitmq_management")
    assert not (tmp_path / "plugins").exists()
    install(installed, "rabbit")
    install(installed.parents[1] / "rabbitmq_server-4.0.0" / "plugins", "rabbitmq_management", "rabbit")
    plugins.offer(tmp_path / "plugins", "rabbitmq_management")
    assert not (tmp_path / "plugins").exists()


def test_a_node_finds_erlang_s_modules_in_one_folder_but_for_those_that_come_first_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "ERLANG", tmp_path / "lib")
    for name in ("kernel-8.5/ebin/file", "stdlib-4.2/ebin/lists", "ssl-10.8/ebin/ssl", "ssl-10.8/src/no"):
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / f"{name}.beam").write_text(name)
    for _ in range(2):
        plugins.offer_modules(tmp_path / "modules")
        found = {path.name: path.read_text() for path in (tmp_path / "modules").iterdir()}
        assert found == {"ssl.beam": "ssl-10.8/ebin/ssl"}


def test_a_node_is_offered_no_modules_where_erlang_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "ERLANG", tmp_path / "lib")
    plugins.offer_modules(tmp_path / "modules")
    assert list((tmp_path / "modules").iterdir()) == []
