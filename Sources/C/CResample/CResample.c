#include "CResample.h"

#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { PRECISION_BITS = 22, LOW_BITS = 11, COLUMNS = 64 };

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

FOR_EACH_PROCESSOR
void cresample_horizontal(
    const uint8_t *restrict planes, size_t plane_stride, const cresample_tap *restrict taps, size_t tap_count,
    const int16_t *restrict low, const int16_t *restrict high, uint8_t *restrict output, size_t stride
) {
    for (size_t number = 0; number < tap_count; number++) {
        cresample_tap tap = taps[number];
        const int16_t *lows = low + tap.weight_offset;
        const int16_t *highs = high + tap.weight_offset;
        for (size_t channel = 0; channel < 3; channel++) {
            const uint8_t *samples = planes + channel * plane_stride + tap.start;
            uint32_t low_sum = 0, high_sum = 0;
            for (uint32_t block = 0; block < tap.count; block += CRESAMPLE_BLOCK) {
                for (uint32_t index = block; index < block + CRESAMPLE_BLOCK; index++) {
                    low_sum += (uint32_t)((int32_t)(int16_t)samples[index] * lows[index]);
                    high_sum += (uint32_t)((int32_t)(int16_t)samples[index] * highs[index]);
                }
            }
            uint32_t half = (uint32_t)1 << (PRECISION_BITS - 1);
            output[tap.target * stride + channel] = clip(half + low_sum + (high_sum << LOW_BITS));
        }
    }
}

static inline __attribute__((always_inline)) void sum_columns(
    const uint8_t *restrict lines, size_t length, size_t capacity, size_t start, const uint32_t *restrict weights,
    size_t count, size_t columns, uint8_t *restrict output
) {
    uint32_t sums[COLUMNS];
    for (size_t column = 0; column < columns; column++) sums[column] = (uint32_t)1 << (PRECISION_BITS - 1);
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
