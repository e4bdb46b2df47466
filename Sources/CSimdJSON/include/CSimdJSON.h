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
/// Looks for the end of a JSON value that began before, in whole blocks of 64 bytes from `*position` on. Returns 1 with
/// `*position` behind the value; else 0, at the first block with a backslash, a line break in a string, or too few bytes.
/// `*depth` is the number of brackets open, `*in_string` whether a string is.
int csimdjson_pass(const uint8_t *text, size_t length, size_t *position, int64_t *depth, int *in_string);

// The tape of the last document (doc/tape.md of simdjson describes it) and its string buffer.
const uint64_t *_Nonnull csimdjson_tape(const csimdjson_parser *_Nonnull parser);
const uint8_t *_Nonnull csimdjson_strings(const csimdjson_parser *_Nonnull parser);

#ifdef __cplusplus
}
#endif
