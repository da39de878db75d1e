"""Convert to ExecuTorch and answer with it: `to_executorch.py convert FOLDER FILE LENGTH | answer FILE`.

Runs in the environment `executorch`; knows nothing of volano.
"""

import contextlib
import json
import sys
import time
from pathlib import Path


def convert(folder: str, file: str, length: str) -> None:
    """Write the `.pte` file of a Hugging Face folder, for exactly `length` tokens."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32,
        attn_implementation="eager",
    ).eval()  # fmt: skip

    class Whole(torch.nn.Module):
        """Logits of all positions, without a cache."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, use_cache=False).logits

    example = (torch.ones(1, int(length), dtype=torch.long),)
    program = torch.export.export(Whole().eval(), example, strict=False)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    Path(file).write_bytes(lowered.to_executorch().buffer)


def answer(file: str) -> None:
    """Answer the ids of the standard input greedily."""
    import torch
    from executorch.runtime import Runtime

    torch.set_num_threads(1)
    began = time.perf_counter()
    method = Runtime.get().load_program(file).load_method("forward")
    load_s = time.perf_counter() - began
    length = int(method.metadata.input_tensor_meta(0).sizes()[1])

    def step(ids: list[int]) -> int:
        row = torch.zeros(1, length, dtype=torch.long)
        row[0, : len(ids)] = torch.tensor(ids)
        return int(method.execute([row])[0][0, len(ids) - 1].argmax())

    tell(step, length, load_s)


def tell(step, length: int, load_s: float) -> None:  # type: ignore[no-untyped-def]
    """Answer each prompt of the standard input by `step`, and print what came of it."""
    spec = json.load(sys.stdin)
    answers, tokens, began = [], 0, time.perf_counter()
    for prompt in spec["ids"]:
        ids = list(prompt)
        while len(ids) < min(length, len(prompt) + spec["max_tokens"]):
            token = step(ids)
            if token in spec["ends"]:
                break
            ids.append(token)
        answers.append(ids[len(prompt) :])
        tokens += len(ids) - len(prompt)
    seconds = time.perf_counter() - began
    peak = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    result = {
        "answers": answers, "load_s": round(load_s, 4), "seconds": round(seconds, 4),
        "tokens": tokens, "peak_bytes": peak,
    }  # fmt: skip
    OUT.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    OUT = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # libraries print as they like
        if sys.argv[1] == "convert":
            convert(*sys.argv[2:])
        else:
            answer(sys.argv[2])
