"""robots.txt (RFC 9309): who may ask for what, and how often. Read once for each host.

Not there (4xx): all is allowed. Not to be had (5xx, no answer): nothing is.
"""

import urllib.robotparser
from dataclasses import dataclass

LONGEST = 512 << 10
AGENT = "volano"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host lets us do."""

    parser: urllib.robotparser.RobotFileParser

    def allows(self, url: str) -> bool:
        """Whether we may ask for this URL."""
        return self.parser.can_fetch(AGENT, url)

    @property
    def delay_s(self) -> float:
        """How long to wait between two questions."""
        delay = self.parser.crawl_delay(AGENT)
        rate = self.parser.request_rate(AGENT)
        each = rate.seconds / max(1, rate.requests) if rate else 0.0
        return max(float(delay or 0), each)


def rules(status: int | None, text: str) -> Rules:
    """Return the rules of a host's answer; None: it did not answer."""
    parser = urllib.robotparser.RobotFileParser()
    if status is None or status >= 500:
        parser.parse(["User-agent: *", "Disallow: /"])
    elif status >= 400:
        parser.parse([])
    else:
        parser.parse(text.removeprefix("\ufeff").splitlines())
    return Rules(parser)
