"""Debian's headless Chromium, driven through its DevTools protocol."""

import asyncio
import base64
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.request

import websockets
from process_tree import kill_tree

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-proxy-server", "--remote-debugging-port=0", "--window-size=1200,1500"]


class Page:
    """One tab. `async with Page(url) as page:`"""

    def __init__(self, url):
        self.url = url
        self.folder = tempfile.mkdtemp(prefix="interlock-chromium-")
        self.errors = []
        self._numbers = itertools.count(1)
        self._answers = {}

    async def __aenter__(self):
        program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        assert program, "no chromium: deploy/install.sh test installs it"
        log = pathlib.Path(self.folder) / "log"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [program, *FLAGS, f"--user-data-dir={self.folder}/profile", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            await self._open(log)
        except BaseException:
            self.end()
            raise
        return self

    async def _open(self, log):
        port = None
        for _ in range(600):
            found = re.search(r"listening on ws://127\.0\.0\.1:(\d+)/", log.read_text(
                errors="replace"))
            if found:
                port = found.group(1)
                break
            assert self.process.poll() is None, log.read_text(errors="replace")
            await asyncio.sleep(0.05)
        assert port, "chromium did not start in 30 s: " + log.read_text(errors="replace")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        targets = json.load(opener.open(f"http://127.0.0.1:{port}/json"))
        target = next(one for one in targets if one["type"] == "page")
        self.socket = await websockets.connect(target["webSocketDebuggerUrl"], max_size=None,
                                               ping_interval=None)
        self._reader = asyncio.ensure_future(self._read())
        await self.call("Runtime.enable")
        await self.call("Page.enable")
        await self.call("Page.navigate", url=self.url)
        await self.until("document.readyState === 'complete'", "the page")

    async def __aexit__(self, *_):
        try:
            await self.socket.close()
        finally:
            self.end()

    def end(self):
        # Debian's program is a script that stays in front of the browser.
        kill_tree(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _read(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])

    async def call(self, method, **parameters):
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self.socket.send(json.dumps(
            {"id": number, "method": method, "params": parameters}))
        message = await asyncio.wait_for(answer, 30)
        assert "error" not in message, message
        return message["result"]

    async def run(self, script):
        """The value of a JavaScript expression."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True,
                                 awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script, what, timeout=30):
        for _ in range(int(timeout / 0.05)):
            if await self.run(script):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {what} in {timeout} s; the page says: "
                             + str(await self.run("document.body.innerText")))

    async def screenshot(self, path):
        picture = await self.call("Page.captureScreenshot", format="png")
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))
