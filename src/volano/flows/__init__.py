"""Flows: how a prompt and a model answer one request.

Enters: refs of a prompt and a model. Leaves: artifacts of kind `flow`, and
`Compiled`, the form in which the gateway's snapshot carries them. Chains,
routers and agents are further kinds of flow; a one-prompt flow is rendered in
the gateway's worker itself.
"""

from volano.flows.flow import Compiled
from volano.flows.keeper import Flows

__all__ = ["Compiled", "Flows"]
