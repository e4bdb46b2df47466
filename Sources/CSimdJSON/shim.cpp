#include "CSimdJSON.h"
#include <new>
#include <simdjson.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

namespace {
// One bit for each byte of 64: quotes, backslashes, opening and closing brackets of both kinds, line breaks.
struct Marks {
  uint64_t quotes, backslashes, opening, closing, breaks;
};

#if defined(__SSE2__)
inline Marks marks(const uint8_t *text) {
  Marks result = {0, 0, 0, 0, 0};
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(text + 16 * i));
    // Brackets and braces differ in one bit.
    const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const auto bits = [i](__m128i found) { return uint64_t(uint16_t(_mm_movemask_epi8(found))) << (16 * i); };
    result.quotes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    result.backslashes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    result.opening |= bits(_mm_cmpeq_epi8(lower, _mm_set1_epi8('{')));
    result.closing |= bits(_mm_cmpeq_epi8(lower, _mm_set1_epi8('}')));
    result.breaks |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
  }
  return result;
}
#else
inline Marks marks(const uint8_t *text) {
  Marks result = {0, 0, 0, 0, 0};
  for (int i = 0; i < 64; i++) {
    const uint64_t bit = uint64_t(1) << i;
    const uint8_t byte = text[i];
    if (byte == '"') result.quotes |= bit;
    if (byte == '\\') result.backslashes |= bit;
    if ((byte | 0x20) == '{') result.opening |= bit;
    if ((byte | 0x20) == '}') result.closing |= bit;
    if (byte == '\n') result.breaks |= bit;
  }
  return result;
}
#endif
}  // namespace

int csimdjson_pass(const uint8_t *text, size_t length, size_t *position, int64_t *depth, int *in_string) {
  size_t at = *position;
  int64_t level = *depth;
  uint64_t inside = *in_string ? ~uint64_t(0) : 0;
  for (; length - at >= 64; at += 64) {
    const Marks block = marks(text + at);
    if (block.backslashes) break;
    // A bit is set where the number of quotes up to and with it is odd: in strings, opening quotes included.
    uint64_t strings = block.quotes;
    for (int shift = 1; shift < 64; shift *= 2) strings ^= strings << shift;
    strings ^= inside;
    if (block.breaks & strings) break;
    const uint64_t opening = block.opening & ~strings;
    uint64_t closing = block.closing & ~strings;
    int64_t closed = __builtin_popcountll(closing);
    if (level <= closed) {
      // The value may end here.
      closed = 0;
      for (; closing; closing &= closing - 1) {
        const int bit = __builtin_ctzll(closing);
        closed++;
        const uint64_t before = (uint64_t(1) << bit) - 1;
        if (level + __builtin_popcountll(opening & before) - closed <= 0) {
          *position = at + bit + 1;
          *depth = 0;
          *in_string = 0;
          return 1;
        }
      }
    }
    level += __builtin_popcountll(opening) - closed;
    inside = uint64_t(int64_t(strings) >> 63);
  }
  *position = at;
  *depth = level;
  *in_string = inside != 0;
  return 0;
}
size_t csimdjson_padding(void) { return simdjson::SIMDJSON_PADDING; }
const uint64_t *csimdjson_tape(const csimdjson_parser *p) { return p->parser.doc.tape.get(); }
const uint8_t *csimdjson_strings(const csimdjson_parser *p) { return p->parser.doc.string_buf.get(); }
