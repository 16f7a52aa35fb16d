// Where vecdot can't work the build says so, and why, before anything else is compiled.
#pragma once

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vecdot needs a little-endian processor: kernels and index pages have the lowest byte first"
#endif

#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ != 8
#error "vecdot needs a 64-bit system: its index pages hold numbers of 8 bytes, aligned to 8"
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "vecdot has kernels for x86-64 and 64-bit ARM only"
#endif
