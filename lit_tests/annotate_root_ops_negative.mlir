// RUN: %for_release %s | tuner-opt --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops)' | filecheck %s

// Nothing is configured yet: the pass says so, and says what to run first.

// CHECK-LABEL: func.func @source
// CHECK-NOT:   root_op
// expected-@REMARK@ @+1 {{'source' has no configured op, so no root op is marked; run iree-compile --compile-to=executable-configurations on it first}}
func.func @source(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
  %0 = linalg.fill ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

// Two ops are configured and neither distributes the work. To choose would be
// to guess.

// CHECK-LABEL: func.func @ambiguous
// CHECK-NOT:   root_op
// CHECK-NOT:   iree_tuner
// expected-@REMARK@ @+1 {{'ambiguous' has 2 configured ops and none of them distributes the work}}
func.func @ambiguous(%x: f32, %c: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [8]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.fill {lowering_config = #iree_cpu.lowering_config<vector_common_parallel = [4]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}

// -----

// Two ops distribute the work and one feeds the other. Either may be meant.

// CHECK-LABEL: func.func @in_a_row
// CHECK-NOT:   root_op
// CHECK-NOT:   iree_tuner
// expected-@REMARK@ @+1 {{'in_a_row' has 2 configured ops and several in a row distribute the work}}
func.func @in_a_row(%x: f32, %a: tensor<64x64xf32>, %c: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32, 32]>}
    ins(%x : f32) outs(%c : tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = linalg.matmul {lowering_config = #iree_cpu.lowering_config<distribution = [32, 32, 0]>}
    ins(%a, %a : tensor<64x64xf32>, tensor<64x64xf32>) outs(%0 : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %1 : tensor<64x64xf32>
}

// -----

// The same through a loop: what it carries around may feed the op inside.

// CHECK-LABEL: func.func @in_a_loop
// CHECK-NOT:   root_op
// CHECK-NOT:   iree_tuner
// expected-@REMARK@ @+1 {{'in_a_loop' has 2 configured ops and several in a row distribute the work}}
func.func @in_a_loop(%x: f32, %c: tensor<64xf32>, %i: index) -> tensor<64xf32> {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = scf.for %n = %i to %i step %i iter_args(%acc = %0) -> (tensor<64xf32>) {
    %2 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
      ins(%x : f32) outs(%acc : tensor<64xf32>) -> tensor<64xf32>
    scf.yield %2 : tensor<64xf32>
  }
  return %1 : tensor<64xf32>
}

// -----

// A function that computes nothing the compiler would configure is left in
// peace: no remark.

// CHECK-LABEL: func.func @host_code
// CHECK-NOT:   root_op
func.func @host_code(%x: i32) -> i32 {
  %0 = arith.addi %x, %x : i32
  return %0 : i32
}

// -----

// Nor does a declaration need one, even in an executable, where a dispatch does.

// CHECK-LABEL: hal.executable private @executable
hal.executable private @executable {
  hal.executable.variant public @variant target(<"llvm-cpu", "embedded-elf-x86_64", {native_vector_size = 64 : i64}>) {
    builtin.module {
      func.func private @microkernel(f32)
      // expected-@REMARK@ @+1 {{'unconfigured' has no configured op}}
      func.func @unconfigured() {
        return
      }
    }
  }
}

// -----

// An attribute of the mark's name that is no mark.

func.func @foreign_mark(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
  // expected-error @+1 {{'root_op' is no root-op mark of this compiler release}}
  %0 = linalg.fill {root_op = "mine"} ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

// Two dispatches of one name in modules without a name: nothing tells them
// apart, and a spec for one would hit both.

module {
  func.func @same(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
    %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
      ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
}
module {
  // expected-error @+1 {{two ops would both be named 'same'}}
  func.func @same(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
    %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
      ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
}

// -----

// Names that only collide once a number or a path is appended.

func.func @f(%x: f32, %c: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
// expected-error @+1 {{two ops would both be named 'f@1'}}
func.func @"f@1"(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32> {
  %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
    ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
