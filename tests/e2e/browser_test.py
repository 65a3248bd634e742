"""A person's browser on the demo page: states light up, five events arrive, a cut run resumes."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from chromium import Page  # noqa: E402
from stack import Stack  # noqa: E402
from ws_client import FIVE  # noqa: E402

PILLS = "[...document.querySelectorAll('.pill.seen span')].map(span => span.textContent)"
NUMBERS = "[...document.querySelectorAll('#ribbon .number')].map(item => item.textContent.trim())"
DONE = "[...document.querySelectorAll('#runs .steps .done')].length"


class Browser(unittest.IsolatedAsyncioTestCase):
    async def test_the_demo_page_shows_states_events_and_a_resume_through_the_other_gateway(self):
        with Stack(agent_pause="250ms") as stack:
            url = f"http://127.0.0.1:{stack.gateway_ports[0]}/"
            async with Page(url) as page:
                other = f"127.0.0.1:{stack.gateway_ports[1]}"
                await page.run(f"document.getElementById('other').value = '{other}'")
                await page.run("document.getElementById('session').value = 'page'")
                await page.run("document.getElementById('connect').click()")
                await page.until("document.getElementById('state').textContent"
                                 ".includes('PROCESSING_READY')", "PROCESSING_READY")
                self.assertEqual(
                    set(await page.run(PILLS)),
                    {"CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY",
                     "PROCESSING_READY"})

                await page.run("document.getElementById('send').click()")
                await page.until(f"{DONE} === 5", "five events")
                self.assertEqual(await page.run(
                    "[...document.querySelectorAll('#runs .steps .done')]"
                    ".map(step => step.textContent.trim().split(' ').pop())"), FIVE)
                first = stack.ctl("get", "anonymous:page")[0]

                await page.run("document.getElementById('text').value = 'And this one?'")
                await page.run("document.getElementById('send').click()")
                await page.until(f"{DONE} >= 7", "the second run under way")
                await page.run("document.getElementById('cut-other').click()")
                cut_at = await page.run(DONE)
                self.assertLess(cut_at, 10, "the cut came after the run had ended")
                await page.until(f"{DONE} === 10", "ten events", timeout=60)
                shown = [int(text.lstrip("#")) for text in await page.run(NUMBERS)]
                self.assertEqual(shown, list(range(1, 11)))
                record = stack.ctl("get", "anonymous:page")[0]
                self.assertNotEqual(record["owner"], first["owner"])
                self.assertGreater(int(record["generation"]), int(first["generation"]))
                self.assertEqual(page.errors, [])
                folder = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"]).parent / "screenshots"
                folder.mkdir(exist_ok=True)
                await page.screenshot(folder / "demo_page.png")
            self.assertEqual(stack.closes().get("1011", 0), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
