"""PII: what in a text names, numbers or unlocks a person, found by pattern and checksum.

- `numbers`: runs of digits are looked at once, and told apart: cards, national numbers, phones.
- `phones`, `national`: the forms and checksums, as tables.
- `secrets`: keys, tokens, passwords that somebody gave a name.
- `scan`: all of it in one pass over a text; what other packages find comes in by `DETECTORS`.
- `placeholders`: what stands in its place.

Addresses of mail, IBANs and marked keys are found as they are in traces (`volano.traces.mask`).
"""

from volano.data.pii.placeholders import Placeholders, fingerprint
from volano.data.pii.scan import COUNTRIES, DETECTORS, KINDS, Found, Scan

__all__ = ["COUNTRIES", "DETECTORS", "KINDS", "Found", "Placeholders", "Scan", "fingerprint"]
