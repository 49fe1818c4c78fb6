#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

typedef struct catcher {
    struct jpeg_error_mgr manager; // first, so that the library's pointer to it is a pointer to the catcher
    jmp_buf jump;
    cjpeg_status status;
    char message[JMSG_LENGTH_MAX];
} catcher;

static void leave(j_common_ptr info) {
    catcher *catcher = (struct catcher *)info->err;
    int code = catcher->manager.msg_code;
    // The library asks for temporary files where the allowed memory does not suffice, and is built without them.
    catcher->status = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE ? CJPEG_OUT_OF_MEMORY : CJPEG_CORRUPT;
    catcher->manager.format_message(info, catcher->message);
    longjmp(catcher->jump, 1);
}

// Warnings by which nothing of the picture is lost: every viewer built on this library shows it all the same. All the
// others mean that part of the compressed data was missing or wrong and that the library made up pixels for it.
static bool is_harmless(int code) {
    switch (code) {
    case JWRN_ADOBE_XFORM:       // an unknown colour transform is taken for the usual one
    case JWRN_BOGUS_ICC:         // profiles are not used
    case JWRN_BOGUS_PROGRESSION: // scans in an unusual order
    case JWRN_EXTRANEOUS_DATA:   // stray bytes before a marker, as some cameras write them
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:    // odd scan parameters, ignored
        return true;
    default:
        return false;
    }
}

static void emit_message(j_common_ptr info, int level) {
    if (level < 0 && !is_harmless(info->err->msg_code)) leave(info);
}

static void output_message(j_common_ptr info) { (void)info; }

static struct jpeg_error_mgr *catcher_prepare(catcher *catcher) {
    jpeg_std_error(&catcher->manager);
    catcher->manager.error_exit = leave;
    catcher->manager.emit_message = emit_message;
    catcher->manager.output_message = output_message;
    catcher->status = CJPEG_OK;
    catcher->message[0] = 0;
    return &catcher->manager;
}

struct cjpeg_decoder {
    struct jpeg_decompress_struct info;
    catcher catcher;
    struct jpeg_progress_mgr progress;
    uint32_t maximum_scans;
};

static void watch_scans(j_common_ptr common) {
    struct jpeg_decompress_struct *info = (struct jpeg_decompress_struct *)common;
    cjpeg_decoder *decoder = (cjpeg_decoder *)info->client_data;
    if (info->input_scan_number > 0 && (uint32_t)info->input_scan_number > decoder->maximum_scans) {
        decoder->catcher.status = CJPEG_TOO_MANY_SCANS;
        snprintf(decoder->catcher.message, sizeof decoder->catcher.message, "more than %u scans", decoder->maximum_scans);
        longjmp(decoder->catcher.jump, 1);
    }
}

cjpeg_decoder *cjpeg_decoder_create(void) {
    cjpeg_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    decoder->info.err = catcher_prepare(&decoder->catcher);
    if (setjmp(decoder->catcher.jump)) {
        free(decoder);
        return NULL;
    }
    jpeg_create_decompress(&decoder->info);
    decoder->info.client_data = decoder;
    return decoder;
}

void cjpeg_decoder_destroy(cjpeg_decoder *decoder) {
    if (!decoder) return;
    jpeg_destroy_decompress(&decoder->info);
    free(decoder);
}

const char *cjpeg_decoder_message(const cjpeg_decoder *decoder) { return decoder->catcher.message; }

cjpeg_segment cjpeg_decoder_next_app1(const cjpeg_decoder *decoder, const cjpeg_segment *previous) {
    jpeg_saved_marker_ptr marker = decoder->info.marker_list;
    if (previous) marker = ((jpeg_saved_marker_ptr)previous->position)->next;
    // Only APP1 segments are saved.
    if (!marker) return (cjpeg_segment){NULL, NULL, 0};
    return (cjpeg_segment){marker, marker->data, marker->data_length};
}

cjpeg_status cjpeg_decoder_read_header(
    cjpeg_decoder *decoder, const uint8_t *data, size_t size, cjpeg_header *header
) {
    struct jpeg_decompress_struct *info = &decoder->info;
    memset(header, 0, sizeof *header);
    if (setjmp(decoder->catcher.jump)) return decoder->catcher.status;
    jpeg_mem_src(info, data, size);
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(info, TRUE);
    bool has_black = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = has_black ? JCS_CMYK : JCS_RGB;
    header->width = info->image_width;
    header->height = info->image_height;
    header->channels = has_black ? 4 : 3;
    return CJPEG_OK;
}

cjpeg_status cjpeg_decoder_start(cjpeg_decoder *decoder, uint32_t maximum_scans, size_t maximum_bytes) {
    struct jpeg_decompress_struct *info = &decoder->info;
    if (setjmp(decoder->catcher.jump)) return decoder->catcher.status;
    decoder->maximum_scans = maximum_scans;
    decoder->progress.progress_monitor = watch_scans;
    info->progress = &decoder->progress;
    info->mem->max_memory_to_use = (long)maximum_bytes;
    jpeg_start_decompress(info);
    return CJPEG_OK;
}

cjpeg_status cjpeg_decoder_read_row(cjpeg_decoder *decoder, uint8_t *row) {
    if (setjmp(decoder->catcher.jump)) return decoder->catcher.status;
    JSAMPROW rows[1] = {row};
    jpeg_read_scanlines(&decoder->info, rows, 1);
    return CJPEG_OK;
}

cjpeg_status cjpeg_decoder_finish(cjpeg_decoder *decoder) {
    if (setjmp(decoder->catcher.jump)) return decoder->catcher.status;
    jpeg_finish_decompress(&decoder->info);
    return CJPEG_OK;
}

// Everything that recompression owns, in one place that setjmp leaves alone.
typedef struct recompression {
    struct jpeg_compress_struct compressor;
    struct jpeg_decompress_struct decompressor;
    catcher catcher;
    unsigned char *data;
    unsigned long size;
} recompression;

static void recompression_run(recompression *work, uint8_t *rgb, uint32_t width, uint32_t height, int quality) {
    struct jpeg_compress_struct *compressor = &work->compressor;
    struct jpeg_decompress_struct *decompressor = &work->decompressor;
    jpeg_mem_dest(compressor, &work->data, &work->size);
    compressor->image_width = width;
    compressor->image_height = height;
    compressor->input_components = 3;
    compressor->in_color_space = JCS_RGB;
    jpeg_set_defaults(compressor);
    jpeg_set_quality(compressor, quality, TRUE);
    jpeg_start_compress(compressor, TRUE);
    while (compressor->next_scanline < height) {
        JSAMPROW rows[1] = {rgb + (size_t)compressor->next_scanline * width * 3};
        jpeg_write_scanlines(compressor, rows, 1);
    }
    jpeg_finish_compress(compressor);

    jpeg_mem_src(decompressor, work->data, work->size);
    jpeg_read_header(decompressor, TRUE);
    decompressor->out_color_space = JCS_RGB;
    jpeg_start_decompress(decompressor);
    while (decompressor->output_scanline < height) {
        JSAMPROW rows[1] = {rgb + (size_t)decompressor->output_scanline * width * 3};
        jpeg_read_scanlines(decompressor, rows, 1);
    }
    jpeg_finish_decompress(decompressor);
}

cjpeg_status cjpeg_recompress(uint8_t *rgb, uint32_t width, uint32_t height, int quality) {
    recompression *work = calloc(1, sizeof *work);
    if (!work) return CJPEG_OUT_OF_MEMORY;
    struct jpeg_error_mgr *manager = catcher_prepare(&work->catcher);
    work->compressor.err = manager;
    work->decompressor.err = manager;
    if (!setjmp(work->catcher.jump)) {
        jpeg_create_compress(&work->compressor);
        jpeg_create_decompress(&work->decompressor);
        recompression_run(work, rgb, width, height, quality);
    }
    cjpeg_status status = work->catcher.status;
    jpeg_destroy_compress(&work->compressor);
    jpeg_destroy_decompress(&work->decompressor);
    free(work->data);
    free(work);
    return status;
}
