#include "CResample.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { PRECISION_BITS = 22, LOW_BITS = 11, COLUMNS = 64 };
// Of the result, for rounding.
#define HALF ((uint32_t)1 << (PRECISION_BITS - 1))

static inline __attribute__((always_inline)) uint8_t clip(uint32_t sum) {
    uint32_t value = sum >> PRECISION_BITS;
    return value > 255 ? 255 : (uint8_t)value;
}

FOR_EACH_PROCESSOR
void cresample_split_rgb(
    const uint8_t *restrict pixels, size_t count, uint8_t *restrict red, uint8_t *restrict green,
    uint8_t *restrict blue
) {
    for (size_t index = 0; index < count; index++) {
        red[index] = pixels[index * 3];
        green[index] = pixels[index * 3 + 1];
        blue[index] = pixels[index * 3 + 2];
    }
}

FOR_EACH_PROCESSOR
uint8_t cresample_split_rgba(
    const uint8_t *restrict pixels, size_t count, uint8_t *restrict red, uint8_t *restrict green,
    uint8_t *restrict blue, uint8_t *restrict alpha
) {
    uint8_t all = 255;
    for (size_t index = 0; index < count; index++) {
        red[index] = pixels[index * 4];
        green[index] = pixels[index * 4 + 1];
        blue[index] = pixels[index * 4 + 2];
        alpha[index] = pixels[index * 4 + 3];
        all &= pixels[index * 4 + 3];
    }
    return all;
}

FOR_EACH_PROCESSOR
void cresample_composite(
    const uint8_t *restrict values, const uint8_t *restrict alpha, size_t count, uint8_t *restrict black,
    uint8_t *restrict white
) {
    for (size_t index = 0; index < count; index++) {
        // At most 65,407.
        uint16_t product = (uint16_t)(values[index] * alpha[index] + 128);
        uint16_t share = (uint16_t)(product + (product >> 8)) >> 8;
        black[index] = (uint8_t)share;
        white[index] = (uint8_t)(share + 255 - alpha[index]);
    }
}

static void horizontal_plain(
    const uint8_t *restrict planes, size_t plane_stride, const cresample_tap *restrict taps, size_t tap_count,
    const int16_t *restrict low, const int16_t *restrict high, uint8_t *restrict output, size_t stride
) {
    for (size_t number = 0; number < tap_count; number++) {
        cresample_tap tap = taps[number];
        const int16_t *lows = low + tap.weight_offset;
        const int16_t *highs = high + tap.weight_offset;
        const uint8_t *red = planes + tap.start, *green = red + plane_stride, *blue = green + plane_stride;
        uint32_t low_red = 0, low_green = 0, low_blue = 0, high_red = 0, high_green = 0, high_blue = 0;
        size_t count = tap.count / CRESAMPLE_BLOCK * CRESAMPLE_BLOCK;
        // A byte times 15 bits, added up in pairs, is one instruction; a weight of 23 bits is two of them.
#pragma clang loop vectorize_width(CRESAMPLE_BLOCK) interleave_count(1)
        for (size_t index = 0; index < count; index++) {
            low_red += (uint32_t)(red[index] * (int32_t)lows[index]);
            low_green += (uint32_t)(green[index] * (int32_t)lows[index]);
            low_blue += (uint32_t)(blue[index] * (int32_t)lows[index]);
            high_red += (uint32_t)(red[index] * (int32_t)highs[index]);
            high_green += (uint32_t)(green[index] * (int32_t)highs[index]);
            high_blue += (uint32_t)(blue[index] * (int32_t)highs[index]);
        }
        uint8_t *target = output + tap.target * stride;
        target[0] = clip(HALF + low_red + (high_red << LOW_BITS));
        target[1] = clip(HALF + low_green + (high_green << LOW_BITS));
        target[2] = clip(HALF + low_blue + (high_blue << LOW_BITS));
    }
}

#if defined(__x86_64__)
// Written out, for the compiler does not find the instruction that multiplies and adds up pairs of 16-bit numbers, nor the
// short way from three vectors to three sums.
__attribute__((target("avx2")))
static void horizontal_avx2(
    const uint8_t *restrict planes, size_t plane_stride, const cresample_tap *restrict taps, size_t tap_count,
    const int16_t *restrict low, const int16_t *restrict high, uint8_t *restrict output, size_t stride
) {
    for (size_t number = 0; number < tap_count; number++) {
        cresample_tap tap = taps[number];
        __m256i lows[3], highs[3], sums[3];
        for (int channel = 0; channel < 3; channel++) lows[channel] = highs[channel] = _mm256_setzero_si256();
        for (size_t index = 0; index < tap.count; index += CRESAMPLE_BLOCK) {
            const int16_t *weights = low + tap.weight_offset + index;
            __m256i low_weights = _mm256_loadu_si256((const __m256i *)weights);
            weights = high + tap.weight_offset + index;
            __m256i high_weights = _mm256_loadu_si256((const __m256i *)weights);
            for (int channel = 0; channel < 3; channel++) {
                const uint8_t *bytes = planes + (size_t)channel * plane_stride + tap.start + index;
                __m256i samples = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)bytes));
                lows[channel] = _mm256_add_epi32(lows[channel], _mm256_madd_epi16(samples, low_weights));
                highs[channel] = _mm256_add_epi32(highs[channel], _mm256_madd_epi16(samples, high_weights));
            }
        }
        for (int channel = 0; channel < 3; channel++) {
            sums[channel] = _mm256_add_epi32(lows[channel], _mm256_slli_epi32(highs[channel], LOW_BITS));
        }
        __m256i pairs = _mm256_hadd_epi32(
            _mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], _mm256_setzero_si256()));
        __m128i total = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        total = _mm_srli_epi32(_mm_add_epi32(total, _mm_set1_epi32((int)HALF)), PRECISION_BITS);
        // Packing clips to 255.
        total = _mm_packus_epi32(total, total);
        uint32_t pixel = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(total, total));
        memcpy(output + tap.target * stride, &pixel, 3);
    }
}
#endif

void cresample_horizontal(
    const uint8_t *restrict planes, size_t plane_stride, const cresample_tap *restrict taps, size_t tap_count,
    const int16_t *restrict low, const int16_t *restrict high, bool any_processor, uint8_t *restrict output,
    size_t stride
) {
#if defined(__x86_64__)
    // What the processor can was found out before main: this only looks it up.
    if (!any_processor && __builtin_cpu_supports("avx2")) {
        horizontal_avx2(planes, plane_stride, taps, tap_count, low, high, output, stride);
        return;
    }
#endif
    (void)any_processor;
    horizontal_plain(planes, plane_stride, taps, tap_count, low, high, output, stride);
}

static inline __attribute__((always_inline)) void sum_columns(
    const uint8_t *restrict lines, size_t length, size_t capacity, size_t start, const uint32_t *restrict weights,
    size_t count, size_t columns, uint8_t *restrict output
) {
    uint32_t sums[COLUMNS];
    for (size_t column = 0; column < columns; column++) sums[column] = HALF;
    size_t place = start % capacity;
    for (size_t position = 0; position < count; position++) {
        const uint8_t *line = lines + place * length;
        for (size_t column = 0; column < columns; column++) sums[column] += line[column] * weights[position];
        if (++place == capacity) place = 0;
    }
    for (size_t column = 0; column < columns; column++) output[column] = clip(sums[column]);
}

FOR_EACH_PROCESSOR
void cresample_vertical(
    const uint8_t *restrict lines, size_t length, size_t capacity, size_t start, const uint32_t *restrict weights,
    size_t count, uint8_t *restrict output
) {
    size_t column = 0;
    for (; column + COLUMNS <= length; column += COLUMNS) {
        sum_columns(lines + column, length, capacity, start, weights, count, COLUMNS, output + column);
    }
    sum_columns(lines + column, length, capacity, start, weights, count, length - column, output + column);
}
