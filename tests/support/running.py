"""An engine process under a test's hand: started from a spec, asked over its socket, ended or killed."""

import json
import subprocess
import time

import httpx2

from volano.serving import command
from volano.serving.line import engine_client


class Running:
    """A started engine; `client` speaks to it."""

    def __init__(self, spec):
        self.spec = spec

    def __enter__(self):
        self.process = subprocess.Popen(
            command(self.spec), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.client = engine_client(self.spec.address, timeout_s=60)
        until = time.monotonic() + 90
        while not self._healthy():
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.kill()
        self.process.communicate()

    def chat(self, text, **more):
        messages = [{"role": "user", "content": text}]
        body = {"model": "router", "messages": messages, "temperature": 0, "max_tokens": 40, **more}
        return self.client.post("/v1/chat/completions", json=body)

    def events(self, text, **more):
        """Return the events of a streamed answer."""
        lines = self.chat(text, stream=True, **more).text.splitlines()
        said = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        assert said[-1] == "[DONE]"
        return [json.loads(line) for line in said[:-1]]

    def _healthy(self):
        try:
            return self.spec.socket.exists() and self.client.get("/health").is_success
        except httpx2.TransportError:
            return False
