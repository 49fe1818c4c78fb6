// libjpeg-turbo for Swift. A shim, because libjpeg reports errors by leaving its callback with longjmp, which must not
// cross a Swift frame: here every call to the library is made from a C function that catches the jump and returns a status.
//
// Not the TurboJPEG API, which needs no shim: its version 2.1 tells only the text of the first warning, so that a
// truncated picture cannot be told from one with a few stray bytes, and it has no rows, only whole pictures.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cjpeg_status {
    CJPEG_OK = 0,
    /// The data are no JPEG that the library can decode, or part of the picture is missing.
    CJPEG_CORRUPT = 1,
    /// Decoding needs more memory than there is, or than was allowed.
    CJPEG_OUT_OF_MEMORY = 2,
    /// More scans than were allowed.
    CJPEG_TOO_MANY_SCANS = 3,
} cjpeg_status;

/// A decoder of one picture; never used for another one.
typedef struct cjpeg_decoder cjpeg_decoder;

typedef struct cjpeg_header {
    uint32_t width;
    uint32_t height;
    /// Bytes per pixel of a decoded row: 3 (RGB), or 4 (CMYK as it is stored, which is inverted).
    uint32_t channels;
} cjpeg_header;

/// An APP1 segment, which belongs to the decoder.
typedef struct cjpeg_segment {
    /// Identifies the segment; NULL where there is none.
    const void *position;
    const uint8_t *data;
    size_t size;
} cjpeg_segment;

/// NULL where memory is short.
cjpeg_decoder *cjpeg_decoder_create(void);
void cjpeg_decoder_destroy(cjpeg_decoder *decoder);

/// What went wrong in the last call that did not return CJPEG_OK.
const char *cjpeg_decoder_message(const cjpeg_decoder *decoder);

/// Reads up to the first scan. `data` must stay until the decoder is destroyed. Nothing of the picture's size is allocated.
cjpeg_status cjpeg_decoder_read_header(
    cjpeg_decoder *decoder, const uint8_t *data, size_t size, cjpeg_header *header);

/// The first APP1 segment before the first scan, or the one after `previous`.
cjpeg_segment cjpeg_decoder_next_app1(const cjpeg_decoder *decoder, const cjpeg_segment *previous);

/// Prepares decoding; a progressive picture is read whole here.
cjpeg_status cjpeg_decoder_start(cjpeg_decoder *decoder, uint32_t maximum_scans, size_t maximum_bytes);

/// Decodes the next row of width * channels bytes.
cjpeg_status cjpeg_decoder_read_row(cjpeg_decoder *decoder, uint8_t *row);

/// Reads what follows the last row, up to the end of the image.
cjpeg_status cjpeg_decoder_finish(cjpeg_decoder *decoder);

/// Compresses an RGB picture (4:2:0, the library's defaults) and decodes it again into the same place.
cjpeg_status cjpeg_recompress(uint8_t *rgb, uint32_t width, uint32_t height, int quality);
