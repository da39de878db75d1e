"""Kinds of engines: which serves what, and how each tells how it is."""

import pytest

from volano.serving import command
from volano.serving.engines import KINDS, engine_of
from volano.serving.errors import UnknownEngineError
from volano.serving.figures import samples, vitals_of
from volano.serving.spec import STARTED, EngineSpec


@pytest.mark.parametrize(
    ("meta", "files", "kind"),
    [
        ({}, (), "llamacpp"),
        ({"format": "gguf"}, ("model.gguf",), "llamacpp"),
        ({"format": "ct2"}, ("model.bin",), "ctranslate2"),
        ({"format": "onnx"}, ("model.onnx",), "onnx"),
        ({"format": "safetensors"}, ("model.safetensors", "model.gguf"), "llamacpp"),
        ({"format": "safetensors"}, ("model.safetensors",), "vllm"),
        ({"format": "safetensors", "engine": "sglang"}, ("model.gguf",), "sglang"),
    ],
)
def test_a_model_s_engine(meta, files, kind):
    assert engine_of(meta, files).name == kind


@pytest.mark.parametrize("meta", [{"format": "litert"}, {"format": "ct2", "engine": "ollama"}])
def test_what_no_engine_runs_is_said(meta):
    with pytest.raises(UnknownEngineError):
        engine_of(meta)


@pytest.mark.parametrize("kind", STARTED)
def test_each_kind_that_is_started_has_a_module(kind):
    spec = EngineSpec("m", "/m", "m", "unix:/m.sock", kind=kind, options={"dtype": "float16"})
    line = command(spec)
    assert line[2] == f"volano.adapters.engines.{kind}"
    assert EngineSpec.from_json(line[-1]) == spec
    assert kind in KINDS


def test_ollama_is_not_started():
    with pytest.raises(UnknownEngineError):
        command(EngineSpec("m", "/m", "m", "unix:/m.sock", kind="ollama"))


# Shaped after docs.vllm.ai/en/stable/usage/metrics, with two engines behind one address.
VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a {odd} \\"name\\""} 3.0
vllm:num_requests_running{engine="1",model_name="b"} 2.0
vllm:num_requests_waiting{engine="0",model_name="b"} 7.0
vllm:kv_cache_usage_perc{engine="0",model_name="b"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="b"} 0.75
vllm:generation_tokens_total{engine="0",model_name="b"} 1.5e+03
vllm:time_to_first_token_seconds_bucket{le="+Inf",model_name="b"} 4.0
"""
SGLANG = """\
sglang:generation_tokens_total{model_name="m"} 7.557572e+06
sglang:token_usage{model_name="m"} 0.28
sglang:num_running_reqs{model_name="m"} 162.0
sglang:num_queue_reqs{model_name="m"} 2826.0
sglang:gen_throughput{model_name="m"} 86.5
"""
LLAMACPP = """\
llamacpp:tokens_predicted_total 21
llamacpp:predicted_tokens_seconds 900.5
llamacpp:requests_processing 1
llamacpp:requests_deferred 4
"""


def test_figures_of_each_kind_in_one_set_of_words():
    vllm = vitals_of(KINDS.get("vllm").figures, VLLM)
    assert (vllm.tokens, vllm.busy, vllm.queued, vllm.kv_use) == (1500, 5, 7, 0.75)
    sglang = vitals_of(KINDS.get("sglang").figures, SGLANG)
    assert (sglang.busy, sglang.queued, sglang.kv_use) == (162, 2826, 0.28)
    assert sglang.tokens_per_s == 86.5
    llamacpp = vitals_of(KINDS.get("llamacpp").figures, LLAMACPP)
    assert (llamacpp.tokens, llamacpp.busy, llamacpp.queued) == (21, 1, 4)
    assert llamacpp.kv_use is None


def test_an_older_name_of_a_figure_is_known():
    old = VLLM.replace("kv_cache_usage_perc", "gpu_cache_usage_perc")
    assert vitals_of(KINDS.get("vllm").figures, old).kv_use == 0.75


def test_what_is_no_sample_is_passed_over():
    assert samples('a 1\nb\nc x\n{} 3\nd NaN\na{x="}"} 2 1700000000\n\x00') == {"a": [1.0, 2.0]}
