"""`interlockctl console` as a process, and scenarios that a browser plays on it."""

import asyncio
import filecmp
import json
import logging
import os
import pathlib
import shutil
import subprocess

logging.getLogger("asyncio").setLevel(logging.ERROR)  # slow callbacks of a busy machine are no news

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"])
SCREENSHOTS = BIN.parent / "console_screenshots"
MODULES = BIN.parent / "console_test_npm"
NPM_S_MAX = 240
SCENARIO_S_MAX = 150
STOP_S_MAX = 5
BROWSER_STOP_S_MAX = 10


def fetch_modules():
    """What drives the browser, as package-lock.json names it, unless it is there already."""
    stamp = MODULES / "fetched.json"
    if stamp.exists() and filecmp.cmp(stamp, HERE / "package-lock.json", shallow=False):
        return
    MODULES.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, MODULES)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MODULES,
                   check=True, timeout=NPM_S_MAX, stdout=subprocess.DEVNULL)
    shutil.copy(HERE / "package-lock.json", stamp)


class Console:
    """`with Console("127.0.0.1:7400") as console:`; it must end within a second of SIGTERM."""

    def __init__(self, coordinators, *flags):
        self.command = [str(BIN / "interlockctl"), f"--coordinator={coordinators}", "--json",
                        "console", "--no_browser", *flags]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, f"the console ended with {self.process.wait()}"
        self.url = json.loads(line)["url"]
        self.origin, self.token = self.url.split("/#token=")
        self.port = int(self.origin.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the console did not end in {STOP_S_MAX} s") from None
        finally:
            self.process.stdout.close()
        assert code == 0, f"the console ended with {code}"

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def play(scenario, url, steps=None):
    """Runs scenarios/SCENARIO.mjs. `steps`: what it may ask for, by name; each a function of what
    it gave, perhaps a coroutine, whose result goes back to it."""
    await asyncio.to_thread(fetch_modules)
    SCREENSHOTS.mkdir(exist_ok=True)
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "no chromium: deploy/install.sh test installs it"
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "browser.mjs"), scenario, chromium, url, str(SCREENSHOTS), str(MODULES),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)

    async def converse():
        async for line in process.stdout:
            message = json.loads(line)
            if message.get("passed"):
                return True
            result = (steps or {})[message.pop("step")](**message)
            if asyncio.iscoroutine(result):
                result = await result
            process.stdin.write(json.dumps(result).encode() + b"\n")
            await process.stdin.drain()
        return False

    passed = False
    try:
        passed = await asyncio.wait_for(converse(), SCENARIO_S_MAX)
        assert passed, f"the scenario {scenario} failed: see above"
    finally:
        if process.returncode is None and not passed:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), BROWSER_STOP_S_MAX)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
