"""The dialects of the model APIs, one a file. A dialect is an object made of pure functions."""
