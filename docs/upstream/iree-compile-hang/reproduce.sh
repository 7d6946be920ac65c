#!/usr/bin/env bash
# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Compiles model.mlir with spec.mlir RUNS times (5), threads delayed by late_threads.c, and says how often iree-compile
# hung: a compilation that takes LIMIT_S seconds (10) counts. Further flags of iree-compile may follow.
# Needs two processors, cc, and python3 with iree-base-compiler. IREE_COMPILE may name another iree-compile, which must be
# the program itself, not the script of that name.
set -euo pipefail
find_it="from iree.compiler.tools.binaries import find_tool; print(find_tool('iree-compile'))"
compiler=${IREE_COMPILE:-$(python3 -c "$find_it")}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O1 -shared -fPIC -o "$work/late_threads.so" "$here/late_threads.c" -ldl
hung=0
runs=${RUNS:-5}
for _ in $(seq "$runs"); do
  ended=0
  LD_PRELOAD="$work/late_threads.so" timeout "${LIMIT_S:-10}" "$compiler" "$here/model.mlir" \
    --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu --iree-llvmcpu-target-cpu=generic \
    --iree-codegen-tuning-spec-path="$here/spec.mlir" --compile-to=executable-configurations \
    -o "$work/configured.mlir" "$@" || ended=$?
  case $ended in
    0) ;;
    124) hung=$((hung + 1)) ;;
    *) exit "$ended" ;;
  esac
done
echo "$hung of $runs hung"
