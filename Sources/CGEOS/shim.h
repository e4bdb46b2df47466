#pragma once
#include <dlfcn.h>
#include <geos_c.h>
#include <stddef.h>

// The GEOS functions that cimq calls, resolved from libgeos_c on first use (see CPROJ/shim.h).
#define CGEOS_FUNCTIONS(X)                                                                          \
  X(GEOS_init_r) X(GEOS_finish_r) X(GEOSContext_setErrorMessageHandler_r)                           \
  X(GEOSWKBReader_create_r) X(GEOSWKBReader_destroy_r) X(GEOSWKBReader_read_r)                      \
  X(GEOSWKBWriter_create_r) X(GEOSWKBWriter_destroy_r) X(GEOSWKBWriter_write_r)                     \
  X(GEOSWKBWriter_setOutputDimension_r) X(GEOSisValidDetail_r) X(GEOSGeomGetX_r) X(GEOSGeomGetY_r)  \
  X(GEOSGeom_destroy_r) X(GEOSFree_r) X(GEOSIntersects_r) X(GEOSDisjoint_r) X(GEOSTouches_r)        \
  X(GEOSCrosses_r) X(GEOSWithin_r) X(GEOSContains_r) X(GEOSOverlaps_r) X(GEOSEquals_r)              \
  X(GEOSCovers_r) X(GEOSCoveredBy_r) X(GEOSRelate_r) X(GEOSDistance_r) X(GEOSArea_r)                \
  X(GEOSLength_r) X(GEOSisValid_r) X(GEOSMakeValid_r) X(GEOSBuffer_r) X(GEOSConvexHull_r)           \
  X(GEOSUnion_r) X(GEOSUnaryUnion_r) X(GEOSIntersection_r) X(GEOSDifference_r) X(GEOSSimplify_r)    \
  X(GEOSTopologyPreserveSimplify_r) X(GEOSGetCentroid_r) X(GEOSPointOnSurface_r) X(GEOSEnvelope_r)

struct cgeos {
#define X(f) __typeof__(f) *_Nonnull f;
  CGEOS_FUNCTIONS(X)
#undef X
};

static inline const struct cgeos *_Nullable cgeos_open(const char *_Nullable *_Nonnull error) {
  static struct cgeos table;
  void *library = dlopen("libgeos_c.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) { *error = dlerror(); return NULL; }
#define X(f)                                                                                        \
  if (!(*(void **)(&table.f) = dlsym(library, #f))) { *error = dlerror(); return NULL; }
  CGEOS_FUNCTIONS(X)
#undef X
  return &table;
}
