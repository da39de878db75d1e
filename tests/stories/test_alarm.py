"""All upstreams fail: somebody is told within seconds. Real worker, recorder, catalog, sockets."""

import http.client
import json
import threading
import time

from simulators.receivers import Hook
from simulators.upstream import Upstream
from simulators.workers import KEY, Channel, Workers, arm, snapshot
from support.databases import opened, sqlite_url
from support.workspace import ANNA
from unit.monitor.conftest import Post
from volano.core.clock import SystemClock
from volano.monitor.alarm import Alarm

RULE = {"name": "failing", "measure": "error_rate", "above": "20%", "window": "30s", "least": 5,
        "keep": "0s", "by": ["channel"], "severity": "critical"}  # fmt: skip


def ask(port: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "hi"}]})
        line.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEY}"})
        answer = line.getresponse()
        answer.read()
        return answer.status
    finally:
        line.close()


def test_all_upstreams_answer_500_and_it_is_alarmed_within_15_s(tmp_path):
    upstream, hook, workers = Upstream(), Hook(), Workers(tmp_path)
    with opened(sqlite_url(tmp_path)) as db:
        post = Post(tmp_path, db, hook, SystemClock())
        post.rules(RULE)
        stop = threading.Event()
        recording = threading.Thread(target=post.records.recorder.run, args=(stop,))
        alarm = Alarm(post.watch, post.outbox, every_s=0.2)
        try:
            channel = {"support": Channel(arms=(arm(upstream.url, "ok"),))}
            workers.publish(snapshot(channel), wait=False)
            workers.start()
            recording.start()
            alarm.start()
            assert {ask(workers.port) for _ in range(20)} == {200}
            failing = {"support": Channel(arms=(arm(upstream.url, "status-500"),))}
            workers.publish(snapshot(failing, 2))
            broken_at = time.monotonic()
            while not hook.seen and time.monotonic() - broken_at < 15:
                assert ask(workers.port) >= 500
            hook.wait(1, 5)
            assert time.monotonic() - broken_at < 15
            [change] = hook.bodies[0]["changes"]
            assert (change["state"], change["labels"]) == ("firing", {"channel": "support"})
            alert = post.alerts.ack(change["alert"], by=ANNA)
            assert alert["state"] == "acknowledged"
        finally:
            alarm.close()
            stop.set()
            recording.join(10)
            workers.close()
            upstream.stop()
            post.records.close()
            hook.close()
