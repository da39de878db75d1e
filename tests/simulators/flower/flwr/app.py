"""What is sent: weights, numbers, settings, and the messages that hold them."""


class ArrayRecord(dict):
    def to_torch_state_dict(self):
        return dict(self)


class MetricRecord(dict):
    pass


class ConfigRecord(dict):
    pass


class RecordDict(dict):
    pass


class Context:
    def __init__(self, site=0):
        self.node_config = {"partition-id": site}


class Error:
    def __init__(self, reason):
        self.reason = reason


DEFAULT_TTL = 43200


class Metadata:
    def __init__(self):
        self.ttl = DEFAULT_TTL


class Message:
    def __init__(self, content=None, reply_to=None, error=None):
        self.content, self.reply_to, self.error = content, reply_to, error
        self.metadata = Metadata()

    def has_error(self):
        return self.error is not None
