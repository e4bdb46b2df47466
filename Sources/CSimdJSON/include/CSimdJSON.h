#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

// A simdjson DOM parser. It owns the tape and strings of the last document parsed.
typedef struct csimdjson_parser csimdjson_parser;

csimdjson_parser *_Nullable csimdjson_create(void);
void csimdjson_destroy(csimdjson_parser *_Nonnull parser);

// Parses one document of `length` bytes. When `padded` is not 0 the caller vouches for
// csimdjson_padding() readable bytes after the text; otherwise the text is copied.
// Returns 0, or an error number for csimdjson_message.
int csimdjson_parse(
    csimdjson_parser *_Nonnull parser, const uint8_t *_Nonnull text, size_t length, int padded);
const char *_Nonnull csimdjson_message(int error);
size_t csimdjson_padding(void);

// The tape of the last document (doc/tape.md of simdjson describes it) and its string buffer.
const uint64_t *_Nonnull csimdjson_tape(const csimdjson_parser *_Nonnull parser);
const uint8_t *_Nonnull csimdjson_strings(const csimdjson_parser *_Nonnull parser);

#ifdef __cplusplus
}
#endif
