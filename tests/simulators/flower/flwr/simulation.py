"""All of it on this machine."""

import traceback

from flwr.app import Context
from flwr.serverapp import Grid


def run_simulation(server_app, client_app, num_supernodes, backend_config):
    failed = False
    try:
        server_app.work(Grid(client_app, num_supernodes), Context())
    except Exception:  # the server is a thread of its own there
        traceback.print_exc()
        failed = True
    if failed:
        raise RuntimeError("Exception in ServerApp thread")
