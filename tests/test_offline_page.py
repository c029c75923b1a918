"""The offline copy: what it holds, and what it says if it cannot be made.

In a browser: test_browser.py.
"""
import shutil

import pytest
from conftest import ROOT, load_module

offline_page = load_module(ROOT / "examples" / "offline_page.py")
needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None, reason="No npm: apt install npm.")

PLOTLY, GRIDJS, STYLE, ANIME = offline_page.SOURCES
PAGE = f'''<head>
<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>
<link href="{STYLE}" rel="stylesheet">
</head><script src="{PLOTLY}"></script><script>own()</script>
<a href="https://benchopt.github.io">Website</a>'''


def test_scripts_and_styles_move_inside():
    page = offline_page.offline(PAGE, {
        PLOTLY: r"const end = '</script>\n';", STYLE: "b { color: red }"})
    assert page == r'''<head>

<style>b { color: red }</style>
</head><script>const end = '<\/script>\n';</script><script>own()</script>
<a href="https://benchopt.github.io">Website</a>'''


def test_page_of_a_newer_benchopt():
    newer = PAGE.replace("plotly-2", "plotly-5")
    with pytest.raises(SystemExit, match="loads .*plotly-5.* add the npm"):
        offline_page.offline(newer, {STYLE: ""})


def test_no_page_of_benchopt():
    with pytest.raises(SystemExit, match="no result page of benchopt"):
        offline_page.offline("<p>Hello</p>", {})


def test_no_such_file(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["offline_page.py", str(tmp_path / "a")])
    with pytest.raises(SystemExit, match="There is no page .*a"):
        offline_page.main()


def test_no_npm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="install Node.js"):
        offline_page.fetch(offline_page.SOURCES[ANIME], tmp_path)


@needs_npm
def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(SystemExit, match="first call needs the network"):
        offline_page.fetch(offline_page.SOURCES[ANIME], tmp_path)


@needs_npm
def test_another_package(tmp_path):
    """One that npm accepts but that is not the known one."""
    source = offline_page.SOURCES[ANIME]._replace(sha512="AAAA")
    with pytest.raises(SystemExit, match="Do not use it"):
        offline_page.fetch(source, tmp_path)
