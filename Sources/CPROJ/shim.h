#pragma once
#include <dlfcn.h>
#include <geodesic.h>
#include <proj.h>
#include <stdatomic.h>
#include <stddef.h>

// The PROJ functions that cimq calls, resolved from libproj on first use. Types come from proj.h, so a
// change of signature is a compile error. Linking libproj would cost every start of cimq 7 ms.
#define CPROJ_FUNCTIONS(X)                                                                          \
  X(proj_context_create) X(proj_context_destroy) X(proj_context_set_enable_network)                 \
  X(proj_context_errno) X(proj_context_errno_string) X(proj_create)                                 \
  X(proj_create_crs_to_crs_from_pj) X(proj_normalize_for_visualization) X(proj_destroy)             \
  X(proj_trans_generic) X(proj_errno) X(proj_errno_reset) X(proj_get_type) X(proj_get_name)         \
  X(proj_get_id_code) X(proj_get_id_auth_name) X(proj_get_area_of_use) X(proj_crs_get_sub_crs)      \
  X(proj_crs_get_coordinate_system) X(proj_cs_get_axis_count) X(proj_cs_get_axis_info)              \
  X(proj_log_level) X(proj_context_clone) X(proj_clone) X(geod_init) X(geod_inverse)

struct cproj {
#define X(f) __typeof__(f) *_Nonnull f;
  CPROJ_FUNCTIONS(X)
#undef X
};

// The table of functions, or NULL with `*error` set when libproj cannot be opened.
static inline const struct cproj *_Nullable cproj_open(const char *_Nullable *_Nonnull error) {
  static struct cproj table;
  void *library = dlopen("libproj.so.25", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libproj.so", RTLD_NOW | RTLD_LOCAL);
  if (!library) { *error = dlerror(); return NULL; }
#define X(f)                                                                                        \
  if (!(*(void **)(&table.f) = dlsym(library, #f))) { *error = dlerror(); return NULL; }
  CPROJ_FUNCTIONS(X)
#undef X
  return &table;
}
