"""What runs at a site."""


class ClientApp:
    def train(self):
        def keep(function):
            self.work = function
            return function

        return keep
