// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops)' | filecheck %s --check-prefix=ANNOTATED
// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(iree-tuner-annotate-root-ops,iree-tuner-strip-configuration)' | filecheck %s --check-prefix=STRIPPED
// RUN: %for_release %s | tuner-opt --pass-pipeline='builtin.module(hal.executable(hal.executable.variant(builtin.module(func.func(iree-tuner-strip-annotations)))))' | filecheck %s --check-prefix=NESTED

// A whole module as the compiler hands it over: two variants of one executable,
// each with the same function, below hal.executable. The pass reaches them from
// the outermost module, which makes the identities unique, as well as nested on
// each function by itself.

// ANNOTATED: hal.executable.variant public @first
// ANNOTATED: iree_tuner.dispatch = "executable::first::dispatch"
// ANNOTATED: hal.executable.variant public @second
// ANNOTATED: iree_tuner.dispatch = "executable::second::dispatch"

// STRIPPED-NOT:   translation_info
// STRIPPED:       hal.executable.variant public @first
// STRIPPED:       linalg.fill {iree_tuner.dispatch = "executable::first::dispatch", root_op{{[^,]*}}} ins
// STRIPPED-NOT:   translation_info
// STRIPPED:       hal.executable.variant public @second
// STRIPPED:       linalg.fill {iree_tuner.dispatch = "executable::second::dispatch", root_op{{[^,]*}}} ins
// STRIPPED-NOT:   lowering_config

// NESTED-NOT: lowering_config
// NESTED:     hal.executable.variant public @first
// NESTED:     linalg.fill ins
// NESTED:     hal.executable.variant public @second
// NESTED:     linalg.fill ins
// NESTED-NOT: lowering_config

#layout = #hal.pipeline.layout<bindings = [#hal.pipeline.binding<storage_buffer>]>
hal.executable private @executable {
  hal.executable.variant public @first target(<"llvm-cpu", "embedded-elf-x86_64", {native_vector_size = 64 : i64}>) {
    hal.executable.export public @dispatch ordinal(0) layout(#layout)
    builtin.module {
      func.func @dispatch(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32>
          attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
        %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [32]>}
          ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
        return %0 : tensor<64xf32>
      }
    }
  }
  hal.executable.variant public @second target(<"llvm-cpu", "embedded-elf-x86_64", {native_vector_size = 32 : i64}>) {
    hal.executable.export public @dispatch ordinal(0) layout(#layout)
    builtin.module {
      func.func @dispatch(%x: f32, %c: tensor<64xf32>) -> tensor<64xf32>
          attributes {translation_info = #iree_codegen.translation_info<pipeline = @CPU_PIPELINE@>} {
        %0 = linalg.fill {lowering_config = #iree_cpu.lowering_config<distribution = [16]>}
          ins(%x : f32) outs(%c : tensor<64xf32>) -> tensor<64xf32>
        return %0 : tensor<64xf32>
      }
    }
  }
}
