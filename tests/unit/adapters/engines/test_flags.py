"""Command lines of engines that are not run here, against their documentation's flags."""

from itertools import pairwise

import pytest

from volano.adapters.engines import launch, sglang, vllm
from volano.serving.errors import BadAddressError, EngineFailedError
from volano.serving.gpu import GPU
from volano.serving.spec import EngineSpec

GIB = 1 << 30


def spec(address="unix:/run/m.sock", **options):
    return EngineSpec("m", "/models/m", "chat", address, 16, 16 * 4096, kind="x", options=options)


def pairs(line):
    return {flag: value for flag, value in pairwise(line) if flag[:2] == "--"}


def test_vllm_s_command_line():
    line = vllm.flags(spec(dtype="bfloat16", gpu_memory_utilization=0.85, tensor_parallel=2))
    assert line[:3] == ["vllm", "serve", "/models/m"]
    said = pairs(line)
    assert said["--uds"] == "/run/m.sock"
    assert said["--served-model-name"] == "chat"
    assert (said["--max-model-len"], said["--max-num-seqs"]) == ("4096", "16")
    assert said["--dtype"] == "bfloat16"
    assert said["--gpu-memory-utilization"] == "0.85"
    assert said["--tensor-parallel-size"] == "2"
    assert "--enable-prefix-caching" in line
    assert "--enable-lora" not in line
    assert "--no-enable-prefix-caching" in vllm.flags(spec(prefix_caching=False))


def test_vllm_s_adapters():
    line = vllm.flags(spec(adapters={"b": "/l/b", "a": "/l/a"}, max_adapter_rank=32))
    assert line[line.index("--lora-modules") + 1 :] == ["a=/l/a", "b=/l/b"]
    assert (pairs(line)["--max-loras"], pairs(line)["--max-lora-rank"]) == ("2", "32")


def test_sglang_s_command_line():
    line = sglang.flags(
        spec("http://127.0.0.1:30001", dtype="half", gpu_memory_utilization=0.8,
             adapters={"a": "/l/a"}, prefix_caching=False)
    )  # fmt: skip
    said = pairs(line)
    assert line[1:3] == ["-m", "sglang.launch_server"]
    assert (said["--host"], said["--port"]) == ("127.0.0.1", "30001")
    assert said["--model-path"] == "/models/m"
    assert said["--context-length"] == "4096"
    assert said["--max-running-requests"] == "16"
    assert said["--mem-fraction-static"] == "0.8"
    assert line[line.index("--lora-paths") + 1 :] == ["a=/l/a"]
    assert {"--enable-metrics", "--disable-radix-cache"} <= set(line)


@pytest.mark.parametrize(
    "address", ["unix:/m.sock", "http://0.0.0.0:1", "http://127.0.0.1", "http://[x"]
)
def test_sglang_listens_on_the_loopback_only(address):
    with pytest.raises(BadAddressError):
        sglang.flags(spec(address))


@pytest.mark.parametrize("make", [vllm.flags, sglang.flags])
def test_an_option_that_is_none_is_refused(make):
    with pytest.raises(EngineFailedError, match="trust_remote_code"):
        make(spec("http://127.0.0.1:3", trust_remote_code=True))


def test_a_server_gets_a_gpu_with_room(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = [GPU(0, "GPU-a", "x", 80 * GIB, 5 * GIB), GPU(1, "GPU-b", "x", 80 * GIB, 70 * GIB)]
    assert launch.devices(spec(gpu_memory_gib=20), found) == {"CUDA_VISIBLE_DEVICES": "GPU-b"}
    assert launch.devices(spec(gpu_memory_gib=20), []) == {}
    with pytest.raises(EngineFailedError, match="free are 5 GiB, 70 GiB"):
        launch.devices(spec(gpu_memory_gib=75), found)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert launch.devices(spec(gpu_memory_gib=75), found) == {}


def test_a_server_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(EngineFailedError, match="not installed"):
        launch.run(spec(), ["volano-no-such-program"])
