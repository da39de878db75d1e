"""Engines: programs that run a model's weights and speak OpenAI's chat completions."""
