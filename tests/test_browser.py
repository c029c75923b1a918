"""The page in a real browser: every view and every option of it.

With BENCHMARK_SCREENSHOTS=folder, pictures of all views and options stay in
that folder; a missing browser is then an error.
"""
import itertools
import json
import os
import re
import shutil
from math import prod
from pathlib import Path

import pytest
from conftest import ROOT, benchopt, load_module
from playwright.sync_api import sync_playwright

HEIGHTS = {1280: 720, 1600: 900}  # by width
# Beyond so many choices, each control is tried alone.
MAX_COMBINATIONS = 60
# Controls that change what the axes show.
SCALES = {"change_scale", "change_suboptimal", "change_relative"}
CHECKS = Path(__file__).with_name("page_checks.js")
# The page's clock stands still but for steps, in ms, longer than any delay
# before Plotly and benchopt draw: no drawing is due after a step. No promise
# of Plotly is awaited: Chromium 150 gives some up ("Promise was collected").
# A picture must be complete after so many steps.
STEP = 200
MAX_STEPS = 100
DATASET = "simulated[n_ranks=2,heterogeneity=[0.0,1.0]]"

offline_page = load_module(ROOT / "examples" / "offline_page.py")
SCREENSHOTS = os.environ.get("BENCHMARK_SCREENSHOTS")
BROWSER = next(filter(None, map(shutil.which, (
    "chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.skipif(
        not SCREENSHOTS and BROWSER is None,
        reason="No browser: install Chromium (Debian: apt install chromium)."),
    pytest.mark.skipif(
        not SCREENSHOTS and shutil.which("npm") is None,
        reason="No npm: install it (Debian: apt install npm), it brings the "
               "scripts of the page.")]


@pytest.fixture(scope="module")
def texts():
    """Scripts and style sheets of the page by their address."""
    return offline_page.fetch_all()


@pytest.fixture(scope="module")
def page(copy):
    """The page of a small run, as benchopt writes it."""
    done = benchopt(
        copy, "run", ".", "-d", DATASET, "-s", "block-power",
        "-s", "gather-all", "-s", "incremental-svd",
        "-s", "low-rank-merge[rank_factor=[1,2]]", "-s", "quantized-power",
        "-n", "8", "-r", "2",
        "--output", "test", "--no-display")
    assert done.returncode == 0, done.stdout + done.stderr
    return next(copy.glob("outputs/*_test.html"))


@pytest.fixture(scope="module")
def offline(page, texts):
    copy = page.with_name("offline.html")
    copy.write_text(offline_page.offline(page.read_text(), texts))
    return copy


@pytest.fixture(scope="module")
def browser():
    # As a user sees it: with scroll bars, which narrow the page.
    with sync_playwright() as playwright, playwright.chromium.launch(
            executable_path=BROWSER, args=["--disable-gpu"],
            ignore_default_args=["--hide-scrollbars"]) as browser:
        yield browser


class Walk:
    """One visit of a page: does what a user can do and lists what is wrong."""

    def __init__(self, browser, file, width, network=None):
        self.width, self.network = width, network or {}
        self.found, self.problems = [], []
        self.page = browser.new_page(
            viewport={"width": width, "height": HEIGHTS[width]})
        # Loading the page takes long where other processes run.
        self.page.set_default_timeout(120_000)
        self.page.on("pageerror", lambda error: self.problems.append(
            f"script error: {error.name}: {error.message}"))
        self.page.on("console", self.listen)
        self.page.on("requestfailed", lambda request: self.problems.append(
            f"network: {request.url}"))
        self.page.route(re.compile("^http"), self.answer)
        self.page.clock.install(time=0)
        self.page.clock.pause_at(1)
        self.page.goto(file.as_uri())
        self.page.add_script_tag(path=CHECKS)
        self.settle()
        self.look("first sight")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.page.close()

    def listen(self, message):
        if message.type in ("error", "warning", "assert"):
            self.problems.append(f"console {message.type}: {message.text}")

    def answer(self, route):
        """The only network that there is."""
        url = route.request.url
        if url in self.network:
            kind = "css" if "css" in url else "javascript"
            route.fulfill(body=self.network[url], content_type=f"text/{kind}")
        else:
            route.abort("internetdisconnected")

    def call(self, function, *arguments):
        return self.page.evaluate(f"{function}(...{json.dumps(arguments)})")

    def settle(self):
        """Wait until the picture is complete; is it?"""
        for _ in range(MAX_STEPS):
            self.page.clock.run_for(STEP)
            self.missing = self.call("missing")
            if not self.missing:
                return True
        return False

    def choose(self, control, value):
        self.call("choose", control, value)
        if not self.settle():
            # Once in thousands of times Grid.js measures its columns before
            # the page is laid out: a true defect is there when drawn again.
            self.call("choose", control, value)
            self.settle()

    def look(self, where, picture=False, scale_of_page=True):
        """Note what is wrong now; keep a picture."""
        defects = self.missing + self.call("defects", scale_of_page)
        defects += self.problems
        self.problems = []
        self.found += [f"{self.width} px, {where}: {text}" for text in defects]
        if SCREENSHOTS and picture:
            name = re.sub(r"[^\w=.-]+", "_", f"{self.width}_{where}")
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(SCREENSHOTS, f"{name[:150]}.png"))

    def views(self):
        for view in self.call("views"):
            self.call("openView", view)
            self.settle()
            self.look(f"view {view}", picture=True)

    def charts(self):
        """Every chart; its controls, which show other data, at one width."""
        for kind in self.call("kinds"):
            self.choose("plot_kind", kind)
            self.look(kind, picture=True)
            if self.width > min(HEIGHTS):
                continue
            controls = self.call("controls")
            for control, values in controls.items():
                for value in [*values[1:], values[0]]:
                    self.choose(control, value)
                    self.look(
                        f"{kind} {control}={value}",
                        picture=value != values[0],
                        scale_of_page=control not in SCALES)
            self.combinations(kind, {
                control: values for control, values in controls.items()
                if control.startswith(f"change_{kind}_")})

    def combinations(self, kind, controls):
        if prod(map(len, controls.values())) > MAX_COMBINATIONS:
            return
        for choice in itertools.product(*controls.values()):
            new = [value != values[0] for value, values
                   in zip(choice, controls.values(), strict=True)]
            if sum(new) < 2:  # Seen when each control was tried alone.
                continue
            for control, value in zip(controls, choice, strict=True):
                if self.call("chosen", control) != value:
                    self.choose(control, value)
            self.look(f"{kind} {choice}")


@pytest.mark.parametrize("width", HEIGHTS)
def test_offline_copy(browser, offline, width):
    with Walk(browser, offline, width) as walk:
        walk.views()
        walk.charts()
    assert not walk.found


def test_page_of_benchopt(browser, page, texts):
    """As benchopt writes it, where the network is there."""
    font = next(url for url in offline_page.LINK.findall(page.read_text())
                if "css2" in url)
    with Walk(browser, page, 1280, {**texts, font: ""}) as walk:
        walk.views()
    assert not walk.found


@pytest.mark.parametrize("defect, sentence", [
    ("<script>noSuchFunction()</script>",
     "script error: ReferenceError: noSuchFunction is not defined"),
    ("<script>console.error('a complaint')</script>",
     "console error: a complaint"),
    ("<img src='https://example.org/logo.png'>",
     "network: https://example.org/logo.png"),
    ("<script>first.data[0].y = []</script>", "empty trace block-power"),
    ("<script>first.data[0].y.fill(null)</script>",
     "empty trace block-power"),
    ("<script>first.data = []</script>", "no traces"),
    ("<script>first.title = 'long'.repeat(40)</script>",
     "title leaves the figure"),
    ("<style>.gtitle { transform: translateY(40px) }</style>",
     "title over something"),
    ("<style>#legend_container { margin-left: -90px; }</style>",
     "figure over legend_container"),
    ("<style>#plot_legend { transform: translateY(500px) }</style>",
     "outside the window or cut: gather-all"),
    ("<style>body.one-window .min-h-screen { height: 110vh }</style>",
     "outside the window or cut: bytes, all ranks"),
    ("<style>.curve { overflow: hidden; width: 20px; }</style>",
     "outside the window or cut: gather-all"),
    ("<script>const two = first.data[1]; setTimeout(() => two.label = 'new')"
     "</script>", "not in the legend: new"),
    ("<style>.annotation-text { display: none }</style>",
     "no note at: send all raw data"),
    ("<div style='position: fixed; inset: 150px 80% 0 0'></div>",
     "covered: change_scale"),
    ("<style>.main-svg { width: 90% }</style>",
     "figure does not fit its box"),
    ("<script>setInterval(() => plot_legend.title = Date.now(), 50)</script>",
     "picture still changes"),
])
def test_defects_are_found(browser, offline, tmp_path, defect, sentence):
    """Pages broken on purpose."""
    broken = tmp_path / "broken.html"
    broken.write_text(offline.read_text().replace("</body>", (
        "<script>const first = Object.values(_plots.error_vs_communication)"
        f"[0]</script>{defect}</body>")))
    with Walk(browser, broken, 1280) as walk:
        assert any(sentence in text for text in walk.found), walk.found
