#include "CChecksum.h"

#include <string.h>

// Bit 31 of a remainder stands for x^0: the reflected form in which the CRC instructions work.
static const uint32_t polynomial = 0x82F63B78u;

uint32_t cchecksum_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  static const uint32_t steps[16] = {
      0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
      0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
  };
  const uint8_t *p = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= p[i];
    crc = (crc >> 4) ^ steps[crc & 15];
    crc = (crc >> 4) ^ steps[crc & 15];
  }
  return ~crc;
}

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__ARM_FEATURE_CRC32))

#if defined(__x86_64__)
#define CRC_TARGET __attribute__((target("sse4.2")))
#define STEP64(crc, value) __builtin_ia32_crc32di(crc, value)
#define STEP8(crc, value) __builtin_ia32_crc32qi(crc, value)
#else
#define CRC_TARGET
#define STEP64(crc, value) __builtin_arm_crc32cd(crc, value)
#define STEP8(crc, value) __builtin_arm_crc32cb(crc, value)
#endif

// The product of two remainders modulo the polynomial.
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    product ^= b & (0u - (a >> bit & 1));
    b = (b >> 1) ^ (polynomial & (0u - (b & 1)));
  }
  return product;
}

// A CRC instruction takes three cycles but one can start every cycle, so four lanes run side by side. Their remainders
// are then moved to the end of the block: a lane of 16 KiB further is a multiplication by x^131072.
#define LANE_BYTES 16384
static const uint32_t laneShift = 0xbf455269u;

CRC_TARGET static uint32_t accelerated(uint32_t crc, const uint8_t *p, size_t count) {
  uint64_t a = ~crc;
  while (count >= 4 * LANE_BYTES) {
    uint64_t b = 0, c = 0, d = 0;
    for (size_t i = 0; i < LANE_BYTES; i += 8) {
      uint64_t v[4];
      memcpy(&v[0], p + i, 8);
      memcpy(&v[1], p + i + LANE_BYTES, 8);
      memcpy(&v[2], p + i + 2 * LANE_BYTES, 8);
      memcpy(&v[3], p + i + 3 * LANE_BYTES, 8);
      a = STEP64(a, v[0]);
      b = STEP64(b, v[1]);
      c = STEP64(c, v[2]);
      d = STEP64(d, v[3]);
    }
    a = multiply(laneShift, (uint32_t)a) ^ b;
    a = multiply(laneShift, (uint32_t)a) ^ c;
    a = multiply(laneShift, (uint32_t)a) ^ d;
    p += 4 * LANE_BYTES;
    count -= 4 * LANE_BYTES;
  }
  while (count >= 8) {
    uint64_t value;
    memcpy(&value, p, 8);
    a = STEP64(a, value);
    p += 8;
    count -= 8;
  }
  while (count > 0) {
    a = STEP8((uint32_t)a, *p);
    p++;
    count--;
  }
  return ~(uint32_t)a;
}

uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("sse4.2")) return cchecksum_crc32c_portable(crc, bytes, count);
#endif
  return accelerated(crc, bytes, count);
}

#else

uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return cchecksum_crc32c_portable(crc, bytes, count);
}

#endif
