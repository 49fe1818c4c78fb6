// librsvg's own header brings in gdk-pixbuf's, whose place only pkg-config knows; and that one's flags SwiftPM refuses. So the
// few functions that are called are declared here, as librsvg-2.0's rsvg.h does. Their binary interface is stable.
#include <cairo/cairo.h>
#include <glib-object.h>

typedef struct _RsvgHandle RsvgHandle;

typedef struct {
    double x;
    double y;
    double width;
    double height;
} RsvgRectangle;

RsvgHandle *rsvg_handle_new_from_data(const guint8 *data, gsize data_len, GError **error);
void rsvg_handle_set_dpi(RsvgHandle *handle, double dpi);
gboolean rsvg_handle_get_intrinsic_size_in_pixels(RsvgHandle *handle, gdouble *out_width, gdouble *out_height);
/// The lengths are structures of librsvg's; NULL for each that is not wanted.
void rsvg_handle_get_intrinsic_dimensions(
    RsvgHandle *handle, gboolean *out_has_width, void *out_width, gboolean *out_has_height, void *out_height,
    gboolean *out_has_viewbox, RsvgRectangle *out_viewbox);
gboolean rsvg_handle_render_document(
    RsvgHandle *handle, cairo_t *cr, const RsvgRectangle *viewport, GError **error);
