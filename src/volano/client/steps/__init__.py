"""Steps: `trace` around functions and blocks. A step runs, its span is current, and it ends."""
