"""All of it on this machine."""

from flwr.app import Context
from flwr.serverapp import Grid


def run_simulation(server_app, client_app, num_supernodes, backend_config):
    server_app.work(Grid(client_app, num_supernodes), Context())
