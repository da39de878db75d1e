"""Make a drawn conversation coherent: what providers refuse on their own account is not drawn."""

from volano.wire.exchange import Text, Thinking, ToolResult, ToolUse, Turn


def coherent(turns: list[Turn]) -> list[Turn]:
    """Results for exactly the calls of the turn before, ids that differ, words in each user turn."""
    mended: list[Turn] = []
    for turn in turns:
        before = mended[-1].parts if mended and mended[-1].role == "assistant" else []
        uses = [part.id for part in before if isinstance(part, ToolUse)]
        if turn.role == "assistant":
            if before:
                continue  # two in a row would be joined, their ids not
            parts = {p.id if isinstance(p, ToolUse) else id(p): p for p in turn.parts}
            said = list(parts.values())
            if all(isinstance(part, Thinking) for part in said):
                said.append(Text("so"))  # a foreign thought alone is nothing to pass on
            turn = Turn("assistant", said)
        elif turn.role == "user":
            rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
            results = [ToolResult(use, [Text("done")]) for use in uses]
            turn = Turn("user", [*results, *rest, Text("go on")], turn.name)
        mended.append(turn)
    return mended
