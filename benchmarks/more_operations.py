# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that are recorded for the knowledge that ships, beside those of `cpu_cases.py`: other sizes, other models.

Products are those of BERT-base, GPT-2, ViT, small decoders of one token, MobileNet's pointwise convolutions and
unaligned ones of DeepBench; convolutions those of VGG, ResNet-18 and -50, Inception, YOLO and EfficientNet.
"""

from __future__ import annotations

from cpu_cases import batch_gemm, channel_wise, conv, gemm, row_sum, softmax

MORE = {
    case.name: case
    for case in (
        gemm(128, 768, 768),
        conv(56, 128, 128, 3),
        batch_gemm(12, 197, 197, 64),
        gemm(1, 2048, 8192),
        row_sum(197, 768),
        gemm(128, 3072, 768),
        conv(28, 256, 256, 3),
        batch_gemm(12, 197, 64, 197),
        channel_wise(112, 32, 3),
        gemm(128, 768, 3072),
        conv(14, 512, 512, 3),
        batch_gemm(12, 1, 512, 64),
        softmax(1536, 128),
        gemm(35, 700, 2048),
        conv(14, 128, 128, 3),
        batch_gemm(16, 384, 64, 384),
        gemm(256, 1024, 1024),
        conv(20, 128, 128, 3),
        batch_gemm(8, 1, 2048, 128),
        row_sum(2048, 4096),
        gemm(512, 512, 512),
        conv(7, 256, 512, 3),
        gemm(3136, 64, 256),
        channel_wise(28, 240, 5),
        gemm(1, 768, 768),
        conv(40, 64, 64, 3),
        batch_gemm(8, 512, 512, 64),
        softmax(2364, 197),
        gemm(784, 256, 512),
        conv(35, 64, 96, 3),
        gemm(64, 2304, 768),
        batch_gemm(16, 128, 64, 128),
        gemm(1, 4096, 4096),
        conv(80, 32, 32, 3),
        row_sum(128, 3072),
        gemm(49, 512, 2048),
        conv(10, 256, 512, 3),
        batch_gemm(32, 1, 128, 1024),
        channel_wise(14, 512, 3),
        gemm(1024, 1024, 1024),
        conv(112, 32, 64, 3),
        gemm(1, 1000, 1280),
        softmax(512, 2048),
        gemm(197, 768, 3072),
        conv(28, 32, 64, 5),
        gemm(77, 768, 2048),
        channel_wise(7, 960, 5),
        gemm(400, 1000, 600),
        row_sum(8192, 512),
        conv(17, 192, 192, 3),
    )
}
