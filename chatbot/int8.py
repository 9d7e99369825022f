"""BERT in int8 by ONNX Runtime, for CPUs that multiply bytes faster than floats but have no bfloat16.

Weights are rounded to a byte once, by their output channel; the states before each product by their token, between its
least and its greatest value, so that the large numbers that BERT has in a few channels of a few tokens cost the others
nothing (Dettmers et al., "LLM.int8()", NeurIPS 2022, on such numbers; Yao et al., "ZeroQuant", NeurIPS 2022, on rounding
by token), and a text's vector does not hang on those beside it in a batch. What is left is float32.

The graph is written here. The exporter and quantiser of libraries would need more packages and a file, and round by
batch: cosine with float32 .9948 (lowest .986) for 200 paragraphs of squad2, by token .9989 (.9974). Tried and given up:
`MatMulNBits` (blocks of 32 to 128 weights: .9991 to .9996, at half the speed), torch's dynamic quantisation (.90 to .94,
by channel .98).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from chatbot.packed import PackedBert, joined

_OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
_TINY = np.float32(1e-12)  # no step is smaller, so that nothing is divided by 0
_MICROSOFT = {"MultiHeadAttention", "Gelu", "MatMulIntegerToFloat"}


class Int8Bert(PackedBert):
    """`PackedBert` for reading alone, of a BERT with GELU; the weights of its layers are kept as bytes."""

    def __init__(self, bert: Any) -> None:
        super().__init__(bert)
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # its callers share out the cores
        settings.log_severity_level = 3
        # no more: its fused sum and norm takes 320 microseconds for 168 tokens, the two apart 80
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session = onnxruntime.InferenceSession(
            graph_of(bert).SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        self.bert.encoder = torch.nn.Module()  # their float weights are not needed any more

    def __deepcopy__(self, memo: dict[int, Any]) -> Int8Bert:
        """Itself: a session cannot be copied, never changes and runs from several threads."""
        return self

    def layers(self, states: Tensor, lengths: list[int]) -> Tensor:
        """As of `PackedBert`; texts of one length are computed together."""
        texts = torch.split(states, lengths)
        alike = defaultdict(list)
        for number, length in enumerate(lengths):
            alike[length].append(number)
        read: list[Tensor] = list(texts)
        for numbers in alike.values():
            together = torch.stack([texts[number] for number in numbers]).numpy()
            (found,) = self._session.run(None, {"embedded": together})
            for number, rows in zip(numbers, torch.from_numpy(found), strict=True):
                read[number] = rows
        return torch.cat(read)


def levels() -> int:
    """Steps that a token's values are rounded to: 255, on an x86 without VNNI 127.

    There two products of bytes are added in 16 bits, and 2 · 255 · 127 would not fit in.
    """
    able = torch.cpu.get_capabilities()
    old = able.get("architecture") == "x86_64" and not (able.get("avx512_vnni") or able.get("avx_vnni"))
    return 127 if old else 255


def graph_of(bert: Any) -> onnx.ModelProto:
    """The layers of a BERT: "embedded" (texts, tokens, width) -> "states" of the same shape, without masks."""
    made, config = _Graph(), bert.config
    whole = made.node("Shape", "embedded")
    rows = made.constant(np.array([-1, config.hidden_size]))
    states = made.node("Reshape", "embedded", rows)  # (tokens of all texts, width)
    for number, layer in enumerate(bert.encoder.layer):
        own, merged, wide = layer.attention.self, layer.attention.output, layer.intermediate
        asked = made.linear(states, *joined([own.query, own.key, own.value]))
        parts = [f"{part} {number}" for part in ("query", "key", "value")]
        made.node("Split", asked, names=parts, axis=-1, num_outputs=len(parts))
        heads = [made.node("Reshape", part, whole) for part in parts]
        read = made.node("MultiHeadAttention", *heads, num_heads=config.num_attention_heads)
        read = made.node("Reshape", read, rows)
        states = made.add_and_norm(made.linear(read, merged.dense.weight, merged.dense.bias), states, merged)
        widened = made.node("Gelu", made.linear(states, wide.dense.weight, wide.dense.bias))
        narrow = made.linear(widened, layer.output.dense.weight, layer.output.dense.bias)
        states = made.add_and_norm(narrow, states, layer.output)
    made.node("Reshape", states, whole, names=["states"])
    shape = ["texts", "tokens", config.hidden_size]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("embedded", "states")]
    graph = helper.make_graph(made.nodes, "bert", ends[:1], ends[1:], made.constants)
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=10)


class _Graph:
    """Nodes and constants of a graph that is being written; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: ArrayLike) -> str:
        name = f"constant {len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(self, kind: str, *inputs: str, names: Sequence[str] = (), **settings: Any) -> str:
        """Its first output, which has a name of its own without `names`."""
        names = names or [f"{kind} {len(self.nodes)}"]
        domain = "com.microsoft" if kind in _MICROSOFT else ""
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **settings))
        return names[0]

    def linear(self, states: str, weight: Tensor, bias: Tensor) -> str:
        """x W' + b for (tokens, width) states.

        With x = low + scale · u, u bytes of a token, and W = step · w, w signed bytes of a channel:
        x W' = scale · step · (u w') + low · Σ W.
        """
        step, rounded = rounded_weights(weight)
        sums = step * rounded.sum(1, dtype=np.int64).astype(np.float32)
        last, one = self.constant(np.array([-1])), self.constant(np.float32(1))
        low = self.node("ReduceMin", states, last, keepdims=1)
        span = self.node("Sub", self.node("ReduceMax", states, last, keepdims=1), low)
        scale = self.node("Mul", span, self.constant(np.float32(1 / levels())))
        scale = self.node("Max", scale, self.constant(_TINY))  # where all values of a token are equal
        raised = self.node("Sub", states, low)
        u = self.node("QuantizeLinear", raised, self.node("Squeeze", scale, last), axis=0)  # uint8
        product = self.node("MatMulIntegerToFloat", u, self.constant(rounded.T), one, self.constant(step))
        rest = self.node("Mul", low, self.constant(sums))
        rest = self.node("Add", rest, self.constant(bias.detach().float().numpy()))
        return self.node("Add", self.node("Mul", product, scale), rest)

    def add_and_norm(self, made: str, states: str, layer: Any) -> str:
        norm = layer.LayerNorm
        scale, bias = (self.constant(each.detach().float().numpy()) for each in (norm.weight, norm.bias))
        summed = self.node("Add", made, states)
        return self.node("LayerNormalization", summed, scale, bias, axis=-1, epsilon=norm.eps)


def rounded_weights(weight: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Steps (channels,) and whole numbers from -127 to 127 (channels, width), whose product is near the weights."""
    values = weight.detach().float().numpy()
    step = np.maximum(np.abs(values).max(1), _TINY) / np.float32(127)
    return step, np.round(values / step[:, None]).astype(np.int8)
