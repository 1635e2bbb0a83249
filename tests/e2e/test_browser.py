"""The page at ``/`` in a real browser: headless Chromium, driven by selenium."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from tests.e2e.conftest import LiveServer, MakeSettings, serving
from tests.e2e.test_api_access import READ, WRITE, make_key

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)
WAIT_SECONDS = 30.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-prefers-reduced-motion",
    "--window-size=1280,860",
)
HANDBOOK = """# Quarry handbook

The quarry 🪨 has been worked since 1871. 𝔉𝔦𝔯𝔰𝔱 things first.

## Blasting

Blasting takes place on Thursdays at eleven o'clock. A siren sounds three times before each blast.

## Visitors

Every visitor signs the book <img src=x onerror="document.title='broken in'"> at the gate house before entering.
<script>document.title='broken in'</script> [The form](javascript:document.title='broken in') lies there.
"""


class Page:
    """The page in a browser, as its user sees it."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        browser.get(url)

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not true():
            assert time.monotonic() < deadline, self.one("body").text
            time.sleep(0.05)

    def ask(self, question: str) -> None:
        """Ask with the keyboard alone, and wait for the answer."""
        field = self.browser.switch_to.active_element
        assert field.get_attribute("id") == "question"
        field.clear()
        field.send_keys(question + Keys.ENTER)
        self.until(lambda: self.one("#colophon").text and self.one("#ask").text == "Ask")

    def complaints(self) -> list[str]:
        """Return what the browser's console holds: errors of scripts, refusals by the content security policy."""
        said = [str(entry["message"]) for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]
        return [line for line in said if not line.startswith("chrome://")]  # the browser's own pages complain, too


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile: Path = tmp_path_factory.mktemp("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(CHROMEDRIVER)))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def quarry(make_settings: MakeSettings) -> Iterator[LiveServer]:
    with serving(make_settings()) as server, httpx.Client(base_url=server.url, verify=False) as client:
        job = client.post("/v1/documents", json={"text": HANDBOOK, "uri": "handbook.md"}).json()["job_id"]
        deadline = time.monotonic() + WAIT_SECONDS
        while client.get(f"/v1/jobs/{job}").json()["state"] != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield server


@pytest.fixture
def page(browser: webdriver.Chrome, quarry: LiveServer) -> Page:
    return Page(browser, quarry.url)


def test_an_answer_leads_to_its_source_and_the_source_to_its_place(page: Page) -> None:
    page.until(lambda: page.one("#counts").text == "1 document")
    page.ask("On which day does blasting take place?")
    assert "Thursdays" in page.one("#text").text
    assert page.one("#colophon").text.startswith("Quoted from the documents")
    assert not page.one("#verdict").is_displayed()

    mark, card = page.one("#text a.mark"), page.one("#source-1")
    assert card.find_element(By.TAG_NAME, "h3").text == "Quarry handbook"
    assert card.find_element(By.CLASS_NAME, "place").text == "Blasting"
    assert card.find_element(By.CSS_SELECTOR, "footer span").text == "supported"
    quote = card.find_element(By.TAG_NAME, "blockquote").text
    assert quote in HANDBOOK
    mark.send_keys(Keys.ENTER)
    assert page.browser.switch_to.active_element == card

    card.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    page.until(lambda: page.one("#context").is_displayed())
    assert page.one("#context mark").text == quote
    assert page.one("#context-title").text == "Quarry handbook"
    page.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.one("#context").is_displayed())
    assert page.complaints() == []


def test_a_refusal_is_shown_as_one(page: Page) -> None:
    page.ask("What is the boiling point of tungsten?")
    assert page.one("#verdict").is_displayed()
    assert page.all(".card") == []
    assert page.one("#found summary").text.startswith("What the search found")


def test_markup_in_a_document_stays_text(page: Page) -> None:
    page.ask("Where does every visitor sign the book?")
    assert "<img" in page.one(".card blockquote").text
    page.one(".card button").send_keys(Keys.ENTER)
    page.until(lambda: page.one("#context").is_displayed())
    assert page.all("#reply img, #context img, #reply script, #context script, a[href^=javascript]") == []
    assert page.browser.title == "Ragstone"
    assert page.complaints() == []


MARKDOWN = r"""
## Steps

1. Cut *twice*
   and **measure** [1]
2. `a < b`[2]

| stone | [kind](https://example.org/k) |
|---|:-:|
| slate | <b>bold</b> |

> Quoted [9]

```html
<script>alert(1)</script>
```

[x](javascript:alert(1)) ![y](data:text/html,z) snake_case_name
"""
DRAWN = (
    "<h3>Steps</h3>"
    "<ol><li>Cut <em>twice</em> and <strong>measure</strong> <i>1</i></li><li><code>a &lt; b</code><i>2</i></li></ol>"
    '<table><tr><th>stone</th><th><a href="https://example.org/k" rel="noopener noreferrer nofollow" target="_blank">'
    "kind</a></th></tr><tr><td>slate</td><td>&lt;b&gt;bold&lt;/b&gt;</td></tr></table>"
    "<blockquote><p>Quoted <i>9</i></p></blockquote>"
    "<pre><code>&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>"
    "<p>[x](javascript:alert(1)) y snake_case_name</p>"
)
DRAW = """
    const [markdown, done] = arguments;
    import("/static/markdown.js").then(({ element, render }) => {
        done(element("div", render(markdown, (n) => element("i", String(n)))).innerHTML);
    });
"""


def test_markdown_becomes_plain_nodes(page: Page) -> None:
    drawn = page.browser.execute_async_script(DRAW, MARKDOWN)
    assert drawn == DRAWN


def test_an_error_is_shown_with_its_remedy(page: Page) -> None:
    page.browser.execute_script("document.getElementById('question').value = 'why '.repeat(5000)")
    page.one("#ask").click()
    page.until(lambda: page.one("#problem").is_displayed())
    assert "20,000 characters" in page.one("#problem").text or "19,999 characters" in page.one("#problem").text
    assert "RAGSTONE_MAX_QUESTION_CHARS" in page.one("#problem .remedy").text
    assert page.one("#ask").text == "Ask"


def test_on_a_telephone_nothing_sticks_out(page: Page) -> None:
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.ask("On which day does blasting take place?")
        width = page.browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= 360
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_before_there_are_documents_the_page_says_how_to_bring_them(
    browser: webdriver.Chrome, make_settings: MakeSettings
) -> None:
    with serving(make_settings(), with_worker=False) as server:
        page = Page(browser, server.url)
        page.until(lambda: page.one("#welcome").is_displayed())
        assert "ragstone ingest" in page.one("#welcome").text
        httpx.post(f"{server.url}/v1/documents", json={"text": HANDBOOK}, verify=False).raise_for_status()
        page.browser.refresh()
        page.until(lambda: page.one("#counts").text == "1 document still indexing 1")


def test_where_a_key_is_needed_it_is_asked_for(browser: webdriver.Chrome, make_settings: MakeSettings) -> None:
    settings = make_settings(host="0.0.0.0")
    key, writer = make_key(settings, READ), make_key(settings, WRITE)
    with serving(settings) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        body = {"chunks": [{"text": "Blasting takes place on Thursdays."}]}
        httpx.post(f"{url}/v1/documents/chunks", json=body, headers=writer.bearer, verify=False).raise_for_status()
        page = Page(browser, url)
        page.until(lambda: page.one("#key").is_displayed())
        page.browser.switch_to.active_element.send_keys("rs_wrong" + Keys.ENTER)
        page.until(lambda: "not valid" in page.one("#problem").text)
        page.one("#secret").send_keys(key.secret + Keys.ENTER)
        page.until(lambda: page.one("#counts").text.startswith("1 document"))
        assert not page.one("#key").is_displayed()
        page.one("#question").click()
        page.ask("When does blasting take place?")
        assert "Thursdays" in page.one("#text").text
