#include "CSimdJSON.h"
#include <new>
#include <simdjson.h>

struct csimdjson_parser {
  simdjson::dom::parser parser;
};

csimdjson_parser *csimdjson_create(void) { return new (std::nothrow) csimdjson_parser; }
void csimdjson_destroy(csimdjson_parser *parser) { delete parser; }

int csimdjson_parse(csimdjson_parser *p, const uint8_t *text, size_t length, int padded) {
  return static_cast<int>(p->parser.parse(text, length, !padded).error());
}
const char *csimdjson_message(int error) {
  return simdjson::error_message(static_cast<simdjson::error_code>(error));
}
size_t csimdjson_padding(void) { return simdjson::SIMDJSON_PADDING; }
const uint64_t *csimdjson_tape(const csimdjson_parser *p) { return p->parser.doc.tape.get(); }
const uint8_t *csimdjson_strings(const csimdjson_parser *p) { return p->parser.doc.string_buf.get(); }
