# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler writes of a model of products, without running it: dispatches configured, and their benchmarks.

As IREE 3.13 prints them, reduced to what the tuner reads. Defaults have no configuration, which replays do not need.
"""

from __future__ import annotations

from collections.abc import Mapping

_EXECUTABLE = """
  hal.executable private @{name}_executable {{
    hal.executable.variant public @variant target(#cpu) {{
      hal.executable.export public @{name} ordinal(0) layout(#layout)
      builtin.module {{
        func.func @{name}() {{
          %zero = arith.constant 0.0 : f32
          %c0 = arith.constant 0 : index
          %a = hal.interface.binding.subspan layout(#layout) binding(0) offset(%c0) flags(ReadOnly)
            : memref<{m}x{k}xf32>
          %b = hal.interface.binding.subspan layout(#layout) binding(1) offset(%c0) flags(ReadOnly)
            : memref<{k}x{n}xf32>
          %c = hal.interface.binding.subspan layout(#layout) binding(2) offset(%c0) : memref<{m}x{n}xf32>
          %0 = iree_codegen.load_from_buffer %a : memref<{m}x{k}xf32> -> tensor<{m}x{k}xf32>
          %1 = iree_codegen.load_from_buffer %b : memref<{k}x{n}xf32> -> tensor<{k}x{n}xf32>
          %2 = tensor.empty() : tensor<{m}x{n}xf32>
          %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
          %4 = linalg.matmul {{root_op = #iree_codegen.root_op<set = 0>}}
            ins(%0, %1 : tensor<{m}x{k}xf32>, tensor<{k}x{n}xf32>) outs(%3 : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
          iree_codegen.store_to_buffer %4, %c : tensor<{m}x{n}xf32> into memref<{m}x{n}xf32>
          return
        }}
      }}
    }}
  }}
"""
_HEAD = """
#cpu = #hal.executable.target<"llvm-cpu", "embedded-elf-x86_64">
#layout = #hal.pipeline.layout<bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  util.global private @device = #hal.device.target<"local", [#cpu]> : !hal.device
"""
_RUN = """
  util.func public @main_{name}(%a: !stream.resource<external>, %b: !stream.resource<external>,
      %c: !stream.resource<external>) attributes {{iree.abi.stub}} {{
    %c0 = arith.constant 0 : index
    %size = arith.constant {bytes} : index
    %0 = stream.cmd.execute with(%a as %x: !stream.resource<external>{{%size}},
        %b as %y: !stream.resource<external>{{%size}}, %c as %z: !stream.resource<external>{{%size}}) {{
      stream.cmd.dispatch @{name}_executable::@variant::@{name} {{
        ro %x[%c0 for %size] : !stream.resource<external>{{%size}},
        ro %y[%c0 for %size] : !stream.resource<external>{{%size}},
        wo %z[%c0 for %size] : !stream.resource<external>{{%size}}
      }}
    }} => !stream.timepoint
    util.return
  }}
"""
_BENCHMARK = """
  util.global private mutable @buffer : !hal.buffer
  util.initializer {{
    %device, %queue_affinity = hal.device.resolve on(#hal.device.affinity<@device>) : !hal.device, i64
    %allocator = hal.device.allocator<%device : !hal.device> : !hal.allocator
    %memory_type = hal.memory_type<"DeviceVisible|DeviceLocal"> : i32
    %buffer_usage = hal.buffer_usage<"Transfer|DispatchStorage"> : i32
    %size = arith.constant {bytes} : index
    %buffer = hal.allocator.allocate<%allocator : !hal.allocator> affinity(%queue_affinity) type(%memory_type)
      usage(%buffer_usage) : !hal.buffer{{%size}}
    util.global.store %buffer, @buffer : !hal.buffer
    util.return
  }}
  util.func public @{name}_benchmark(%times: i32) attributes {{iree.abi.stub}} {{
    %device, %queue_affinity = hal.device.resolve on(#hal.device.affinity<@device>) : !hal.device, i64
    %cmd = hal.command_buffer.create device(%device : !hal.device) mode(OneShot) categories(Dispatch)
      affinity(%queue_affinity) : !hal.command_buffer
    %buffer = util.global.load @buffer : !hal.buffer
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %b = arith.constant {b} : index
    %c = arith.constant {c} : index
    %a_bytes = arith.constant {a_bytes} : index
    %b_bytes = arith.constant {b_bytes} : index
    %c_bytes = arith.constant {c_bytes} : index
    %exe = hal.executable.lookup device(%device : !hal.device) executable(@{name}_executable) : !hal.executable
    %function = hal.executable.lookup.function target(%exe : !hal.executable)
      function(@{name}_executable::@variant::@{name}) : i64
    hal.command_buffer.dispatch<%cmd : !hal.command_buffer> target(%exe : !hal.executable)[%function]
      workgroups([%c1, %c1, %c1]) bindings([
        (%buffer : !hal.buffer)[%c0, %a_bytes],
        (%buffer : !hal.buffer)[%b, %b_bytes],
        (%buffer : !hal.buffer)[%c, %c_bytes]
      ]) flags("None")
    util.return
  }}
"""


def configured_products(sizes: Mapping[str, tuple[int, int, int]]) -> str:
    """A model of products in f32, [m, k] by [k, n], as `--compile-to=executable-configurations` leaves it.

    `sizes`: m, n and k of each, by the names of their dispatches.
    """
    return _module(*(_text(host, name, size) for name, size in sizes.items() for host in (_EXECUTABLE, _RUN)))


def benchmark_of_product(name: str, size: tuple[int, int, int]) -> str:
    """The benchmark of a dispatch, as `--iree-hal-dump-executable-benchmarks-to` writes it. `size`: m, n and k."""
    return _module(_text(_EXECUTABLE, name, size), _text(_BENCHMARK, name, size))


def _module(*parts: str) -> str:
    return "".join([_HEAD, *parts, "}\n"])


def _text(template: str, name: str, size: tuple[int, int, int]) -> str:
    m, n, k = size
    a_bytes, b_bytes, c_bytes = 4 * m * k, 4 * k * n, 4 * m * n
    return template.format(
        name=name,
        m=m,
        n=n,
        k=k,
        a_bytes=a_bytes,
        b_bytes=b_bytes,
        c_bytes=c_bytes,
        b=a_bytes,
        c=a_bytes + b_bytes,
        bytes=a_bytes + b_bytes + c_bytes,
    )
