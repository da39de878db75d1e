"""The places that rows come from, one a file: importing this registers them."""

from volano.data.sources.places import dataset, files, hf, rows, sitemap, sql, traces, web

__all__ = ["dataset", "files", "hf", "rows", "sitemap", "sql", "traces", "web"]
