// libpng for Swift. A shim, because libpng reports errors by leaving its callback with longjmp, which must not cross a
// Swift frame: here every call to the library is made from a C function that catches the jump and returns a status.
//
// Not libpng's simplified API, which needs no shim: it knows only whole pictures, no rows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cpng_status {
    CPNG_OK = 0,
    /// The data are no PNG that the library can decode, or part of it is missing.
    CPNG_CORRUPT = 1,
    CPNG_OUT_OF_MEMORY = 2,
} cpng_status;

/// A decoder of one picture; never used for another one.
typedef struct cpng_decoder cpng_decoder;

typedef struct cpng_header {
    uint32_t width;
    uint32_t height;
    /// Bytes per pixel of a decoded row: 3 (RGB), or 4 (RGB and alpha, not premultiplied).
    uint32_t channels;
    /// Interlaced pictures come whole, by `cpng_decoder_read_image`; the others row by row.
    bool is_interlaced;
} cpng_header;

/// NULL where memory is short.
cpng_decoder *cpng_decoder_create(void);
void cpng_decoder_destroy(cpng_decoder *decoder);

/// What went wrong in the last call that did not return CPNG_OK.
const char *cpng_decoder_message(const cpng_decoder *decoder);

/// Reads up to the image data. `data` must stay until the decoder is destroyed. Nothing of the picture's size is allocated.
cpng_status cpng_decoder_read_header(
    cpng_decoder *decoder, const uint8_t *data, size_t size, int ignores_gamma, cpng_header *header);

/// Decodes the next row of width * channels bytes of a picture that is not interlaced.
cpng_status cpng_decoder_read_row(cpng_decoder *decoder, uint8_t *row);

/// Decodes a whole picture into width * height * channels bytes.
cpng_status cpng_decoder_read_image(cpng_decoder *decoder, uint8_t *pixels);

/// Writes a picture of width * height * 4 bytes, RGB and alpha, not premultiplied, into `*data`, which the caller frees.
/// The library's simplified API, whose picture is a union that Swift does not see.
cpng_status cpng_encode(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **data, size_t *size);

/// Reads what follows the image data, up to the end of the image.
cpng_status cpng_decoder_finish(cpng_decoder *decoder);

/// The checksum that a chunk ends with, of its type and data. `checksum` is that of what came before, 0 at first.
uint32_t cpng_checksum(uint32_t checksum, const uint8_t *data, size_t size);
