#!/usr/bin/env python3
"""Searches an abstract pattern that the open_nsfw model scores above 0.99, without any explicit picture.

A small grid of random colours, upscaled, is improved by an evolution strategy (antithetic natural gradient) on the
model's own answer. The grid found (in about 40 seconds) is committed as fixtures/pattern-grid.png, so
this needs to run only to find another one: scripts/search-pattern.py [seed] [grid size]. It needs what
scripts/make-fixtures.py needs, which has to run afterwards.
"""
import pathlib
import sys
import time

import numpy as np
import onnxruntime
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEAN = np.array([104, 117, 123], np.float32)
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
GRID = int(sys.argv[2]) if len(sys.argv) > 2 else 8
PAIRS, SIGMA, RATE, TARGET_MARGIN = 16, 0.15, 0.08, 9.5


def upscale_matrix(size, grid):
    """Rows of bilinear weights, size x grid, edges held."""
    matrix = np.zeros((size, grid), np.float32)
    for index in range(size):
        position = (index + 0.5) * grid / size - 0.5
        low = int(np.floor(position))
        part = position - low
        matrix[index, min(max(low, 0), grid - 1)] += 1 - part
        matrix[index, min(max(low + 1, 0), grid - 1)] += part
    return matrix


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(ROOT / "models/open-nsfw.onnx"), options)
    random = np.random.default_rng(SEED)
    window = upscale_matrix(256, GRID)[16:240]

    def render(parameters):
        colours = 255 / (1 + np.exp(-parameters))
        picture = np.einsum("ya,nabc,xb->nyxc", window, colours, window, optimize=True)
        return picture[..., ::-1] - MEAN

    def margins(parameters):
        """log p(nsfw) - log p(safe); linear in the logits, so it has a slope everywhere."""
        tensor = render(parameters).astype(np.float32)
        tensor += random.normal(0, 3, tensor.shape).astype(np.float32)  # to survive compression
        result = []
        for one in tensor:
            (answer,) = session.run(None, {"input:0": one[None]})
            result.append(np.log(np.maximum(answer[0], 1e-12)))
        result = np.array(result)
        return result[:, 1] - result[:, 0]

    mean = random.normal(0, 0.5, (GRID, GRID, 3)).astype(np.float32)
    first, second = np.zeros_like(mean), np.zeros_like(mean)
    start = time.time()
    for step in range(1, 2001):
        noise = random.normal(0, 1, (PAIRS,) + mean.shape).astype(np.float32)
        values = margins(np.concatenate([mean + SIGMA * noise, mean - SIGMA * noise]))
        difference = values[:PAIRS] - values[PAIRS:]
        slope = np.tensordot(difference, noise, 1) / (2 * PAIRS * SIGMA)
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        mean += RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        if step % 10 == 0:
            print(f"{step} margin {values.mean():.2f} ({time.time() - start:.0f} s)", flush=True)
        if values.mean() > TARGET_MARGIN:
            break
    pixels = np.rint(255 / (1 + np.exp(-mean))).astype(np.uint8)
    Image.fromarray(pixels).save(ROOT / "fixtures/pattern-grid.png", optimize=True)


main()
