// The inner loops of resizing. In C, because Swift compiles for the oldest processor of its platform only and has no
// way to compile a function for several: these are compiled twice, and the program's loader chooses by the processor, before
// main runs. Plain loops that the compiler makes vectors of, but for one that it makes bad ones of; sums are modulo 2^32, so
// that their order changes nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One sample of the result, as a weighted sum of stored samples.
typedef struct cresample_tap {
    uint32_t start;
    /// A multiple of CRESAMPLE_BLOCK: the weights beyond the last are 0.
    uint32_t count;
    uint32_t weight_offset;
    uint32_t target;
} cresample_tap;

/// Samples that are read at a time; as many bytes must follow each plane's last sample.
#define CRESAMPLE_BLOCK 16

/// Takes a line of RGB pixels apart into three planes.
void cresample_split_rgb(
    const uint8_t *pixels, size_t count, uint8_t *red, uint8_t *green, uint8_t *blue);

/// Takes a line of RGB pixels with alpha apart. Gives the conjunction of all alphas: 255 where the line is opaque.
uint8_t cresample_split_rgba(
    const uint8_t *pixels, size_t count, uint8_t *red, uint8_t *green, uint8_t *blue, uint8_t *alpha);

/// Lays a plane over black and over white: value * alpha / 255, rounded to the nearest.
void cresample_composite(
    const uint8_t *values, const uint8_t *alpha, size_t count, uint8_t *black, uint8_t *white);

/// Resizes a line of three planes, `plane_stride` bytes apart. A weight of 2^22 is 1, and is given in two parts:
/// high * 2^11 + low. Writes 3 bytes at each tap's target * `stride`. With `any_processor` only by what every processor can.
void cresample_horizontal(
    const uint8_t *planes, size_t plane_stride, const cresample_tap *taps, size_t tap_count, const int16_t *low,
    const int16_t *high, bool any_processor, uint8_t *output, size_t stride);

/// The weighted sum of `count` lines of `length` bytes, of which line n is at (n % capacity) * length.
void cresample_vertical(
    const uint8_t *lines, size_t length, size_t capacity, size_t start, const uint32_t *weights, size_t count,
    uint8_t *output);
