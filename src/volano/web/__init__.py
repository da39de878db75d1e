"""The doors over HTTP: `api` (JSON under /api/v1) and `pages` (the console), served by control."""
