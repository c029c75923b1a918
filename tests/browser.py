"""Headless Chromium, driven through a pipe by the DevTools protocol.

Commands and events: https://chromedevtools.github.io/devtools-protocol/
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]
# Plotly and benchopt wait 0.1 s before they fit a figure to the window, in
# case it changes again. Here it does not.
NO_DELAY = """
    const delayed = window.setTimeout;
    window.setTimeout = (call, ms, ...rest) => delayed(call, 0, ...rest);
"""
# After the page's own listeners.
LOADED = """new Promise(done => document.readyState === 'complete'
    ? done() : addEventListener('load', () => setTimeout(done)))"""


def find_browser():
    """Path of an installed browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser with one page; a context manager.

    Attributes
    ----------
    problems : list of str
        What went wrong in the page since it was opened: uncaught errors,
        errors on the console, requests that failed.
    """

    def __init__(self, path, timeout=120):
        self.timeout, self.problems, self.network = timeout, [], {}
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        # The browser reads from file 3 and writes to file 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{commands} 4>&{answers}', path,
             *FLAGS, f"--user-data-dir={self.profile.name}"],
            pass_fds=(commands, answers), stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.buffer, self.n_calls, self.session = b"", 0, None

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call(
            "Target.attachToTarget", flatten=True, **target)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network":
            self.call(f"{domain}.enable")
        self.call("Fetch.enable", patterns=[{"urlPattern": "http*"}])
        self.call("Page.addScriptToEvaluateOnNewDocument", source=NO_DELAY)
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        self.profile.cleanup()

    def receive(self):
        """The next message; None when none comes in time."""
        deadline = time.monotonic() + self.timeout
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if not select.select([self.answers], [], [], max(0, left))[0]:
                raise TimeoutError(f"No answer in {self.timeout} s.")
            content = os.read(self.answers, 1 << 20)
            if not content:
                raise EOFError(f"{self.process.args[3]} has ended.")
            self.buffer += content
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def send(self, method, **parameters):
        """Number of the command."""
        self.n_calls += 1
        message = dict(id=self.n_calls, method=method, params=parameters)
        if self.session:
            message["sessionId"] = self.session
        content = memoryview(json.dumps(message).encode() + b"\0")
        while content:
            content = content[os.write(self.commands, content):]
        return self.n_calls

    def call(self, method, **parameters):
        """Result of a command; events on the way are noted."""
        number = self.send(method, **parameters)
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.note(answer.get("method"), answer.get("params"))

    def note(self, event, about):
        if event == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.problems.append("script error: " + details.get(
                "exception", details).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and about["type"] in (
                "error", "warning", "assert"):
            self.problems.append(f"console {about['type']}: " + " ".join(
                str(argument.get("value", argument.get("description")))
                for argument in about["args"]))
        elif event == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.problems.append("log: " + about["entry"]["text"])
        elif event == "Fetch.requestPaused":
            self.answer(about["requestId"], about["request"]["url"])
        elif event == "Network.loadingFailed":
            self.problems.append("failed request: " + about["errorText"])

    def answer(self, request, url):
        """The only network that there is."""
        if url in self.network:
            kind = "css" if "css" in url else "javascript"
            self.send("Fetch.fulfillRequest", requestId=request,
                      responseCode=200, responseHeaders=[
                          dict(name="Content-Type", value=f"text/{kind}")],
                      body=base64.b64encode(
                          self.network[url].encode()).decode())
        else:
            self.problems.append(f"network: {url}")
            self.send("Fetch.failRequest", requestId=request,
                      errorReason="InternetDisconnected")

    def open(self, path, width, height, network=None):
        """Open a file in a window of that size; wait until it is loaded.

        ``network`` has the texts of all addresses that can be reached.
        """
        # A window that changes its size would redraw the page before.
        self.call("Page.navigate", url="about:blank")
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)
        self.problems, self.network = [], network or {}
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.evaluate(LOADED)

    def evaluate(self, expression):
        """Value of a JavaScript expression, or of what it promises."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True,
            awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get(
                "exception", {}).get("description", expression))
        return answer["result"].get("value")

    def screenshot(self, path):
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(picture))
