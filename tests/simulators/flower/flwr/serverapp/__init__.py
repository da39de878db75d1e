"""What runs at the server."""


class Grid:
    """How the server reaches its sites."""

    def __init__(self, client, sites):
        self.client, self.sites = client, sites


class ServerApp:
    def main(self):
        def keep(function):
            self.work = function
            return function

        return keep
