#include "CPNG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

struct cpng_decoder {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    bool out_of_memory;
    char message[128];
    const uint8_t *data;
    size_t size;
    size_t offset;
    size_t row_bytes;
    uint32_t height;
};

static void leave(png_structp png, png_const_charp message) {
    cpng_decoder *decoder = png_get_error_ptr(png);
    snprintf(decoder->message, sizeof decoder->message, "%s", message ? message : "");
    longjmp(decoder->jump, 1);
}

// What libpng only warns about, browsers built on it show all the same.
static void ignore_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size) {
    void *memory = malloc(size);
    if (!memory) ((cpng_decoder *)png_get_mem_ptr(png))->out_of_memory = true;
    return memory;
}

static void release(png_structp png, png_voidp memory) {
    (void)png;
    free(memory);
}

static void read_data(png_structp png, png_bytep bytes, size_t count) {
    cpng_decoder *decoder = png_get_io_ptr(png);
    if (count > decoder->size - decoder->offset) png_error(png, "the file is truncated");
    memcpy(bytes, decoder->data + decoder->offset, count);
    decoder->offset += count;
}

static cpng_status failure(const cpng_decoder *decoder) {
    return decoder->out_of_memory ? CPNG_OUT_OF_MEMORY : CPNG_CORRUPT;
}

cpng_decoder *cpng_decoder_create(void) {
    cpng_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    if (setjmp(decoder->jump)) {
        cpng_decoder_destroy(decoder);
        return NULL;
    }
    decoder->png = png_create_read_struct_2(
        PNG_LIBPNG_VER_STRING, decoder, leave, ignore_warning, decoder, allocate, release);
    if (decoder->png) decoder->info = png_create_info_struct(decoder->png);
    if (!decoder->info) {
        cpng_decoder_destroy(decoder);
        return NULL;
    }
    return decoder;
}

void cpng_decoder_destroy(cpng_decoder *decoder) {
    if (!decoder) return;
    png_destroy_read_struct(&decoder->png, &decoder->info, NULL);
    free(decoder);
}

const char *cpng_decoder_message(const cpng_decoder *decoder) { return decoder->message; }

// Chunks that change no pixel: not parsed, so that nothing in them can cost time or memory.
static void skip_other_chunks(png_structp png) {
    static const uint8_t skipped[] =
        "bKGD\0eXIf\0hIST\0iTXt\0oFFs\0pCAL\0pHYs\0sCAL\0sPLT\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped, (int)(sizeof skipped / 5));
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
}

// Every colour type and depth becomes 8-bit RGB, with alpha where the picture has some. A gAMA chunk is applied as
// browsers do, unless an sRGB chunk or a colour profile overrides it; colour profiles and primaries are not applied.
static void set_transformations(png_structp png, png_infop info, int ignores_gamma) {
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_fixed_point gamma = 0;
    if (!ignores_gamma && png_get_gAMA_fixed(png, info, &gamma) && !png_get_valid(png, info, PNG_INFO_sRGB)
        && !png_get_valid(png, info, PNG_INFO_iCCP)) {
        png_set_gamma_fixed(png, PNG_DEFAULT_sRGB, gamma);
    }
}

cpng_status cpng_decoder_read_header(cpng_decoder *decoder, const uint8_t *data, size_t size, int ignores_gamma, cpng_header *header) {
    png_structp png = decoder->png;
    memset(header, 0, sizeof *header);
    decoder->data = data;
    decoder->size = size;
    if (setjmp(decoder->jump)) return failure(decoder);
    png_set_read_fn(png, decoder, read_data);
    // The caller bounds the dimensions before this; the format itself allows 31 bits.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    skip_other_chunks(png);
    png_read_info(png, decoder->info);
    set_transformations(png, decoder->info, ignores_gamma);
    header->is_interlaced = png_set_interlace_handling(png) > 1;
    png_read_update_info(png, decoder->info);
    header->width = png_get_image_width(png, decoder->info);
    header->height = png_get_image_height(png, decoder->info);
    header->channels = png_get_channels(png, decoder->info);
    decoder->row_bytes = png_get_rowbytes(png, decoder->info);
    decoder->height = header->height;
    if (decoder->row_bytes != (size_t)header->width * header->channels) png_error(png, "unexpected row layout");
    return CPNG_OK;
}

cpng_status cpng_decoder_read_row(cpng_decoder *decoder, uint8_t *row) {
    if (setjmp(decoder->jump)) return failure(decoder);
    png_read_row(decoder->png, row, NULL);
    return CPNG_OK;
}

cpng_status cpng_decoder_read_image(cpng_decoder *decoder, uint8_t *pixels) {
    if (setjmp(decoder->jump)) return failure(decoder);
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        for (uint32_t row = 0; row < decoder->height; row++) {
            png_read_row(decoder->png, pixels + row * decoder->row_bytes, NULL);
        }
    }
    return CPNG_OK;
}

cpng_status cpng_decoder_finish(cpng_decoder *decoder) {
    if (setjmp(decoder->jump)) return failure(decoder);
    png_read_end(decoder->png, NULL);
    return CPNG_OK;
}

uint32_t cpng_checksum(uint32_t checksum, const uint8_t *data, size_t size) {
    return (uint32_t)crc32_z(checksum, data, size);
}

cpng_status cpng_encode(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **data, size_t *size) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGBA;
    image.flags = PNG_IMAGE_FLAG_FAST;
    png_alloc_size_t length = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *memory = malloc(length);
    if (!memory) return CPNG_OUT_OF_MEMORY;
    if (!png_image_write_to_memory(&image, memory, &length, 0, pixels, 0, NULL)) {
        free(memory);
        return CPNG_OUT_OF_MEMORY;
    }
    *data = memory;
    *size = length;
    return CPNG_OK;
}
