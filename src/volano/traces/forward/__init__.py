"""Forward: what was recorded goes on to another backend by OTLP, behind the recorder.

A thread of the recorder's process reads rows in the order of recording, masked as they are, and
keeps its own place in a file. A batch is sent until it is taken; so each span comes at least once.
"""

from volano.traces.forward.forwarder import Forwarder
from volano.traces.forward.place import Place

__all__ = ["Forwarder", "Place"]
