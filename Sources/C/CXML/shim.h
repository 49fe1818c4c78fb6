#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/SAX2.h>
