// Which index formats this library reads, and what a newer library may add to the one it writes.
//
// From format version 2 on every version is read for ever: what is here stays. There are two ways
// to change the format:
//   - a feature: something is added, in bytes that are reserved and zero, in pages of a new kind or
//     behind all that stands on the meta page. It gets a bit. A library that doesn't know an
//     incompatible one refuses the index; a compatible one it need not know.
//   - a version: what is there becomes something else. It gets a number, and all code that reads
//     pages is told the number (Parameters::version; CellLayout::of() has it).
#pragma once

#include "pg/postgres.hpp"

namespace vecdot::index {

enum class Readable : uint8 { yes, no_longer, not_yet };

struct FormatVersion {
    uint32 number;
    Readable readable;
};

// All there have been, by number. The last one is written.
constexpr FormatVersion format_versions[] = {
    {1, Readable::no_longer},  // before release 0.2.0
    {2, Readable::yes},        // since release 0.2.0
};
constexpr uint32 written_version = format_versions[lengthof(format_versions) - 1].number;

// A number that is none of these is a newer library's.
constexpr Readable is_readable(uint32 version) {
    for (const FormatVersion& known : format_versions) {
        if (known.number == version) {
            return known.readable;
        }
    }
    return Readable::not_yet;
}

// Bits of Parameters::incompatible.
constexpr uint32 feature_keys = 1;  // there are key columns, and a section of keys in each extent
constexpr uint32 known_incompatible = feature_keys;
// Of Parameters::compatible there are none so far.
constexpr uint32 known_compatible = 0;

static_assert(is_readable(written_version) == Readable::yes);
static_assert(is_readable(written_version + 1) == Readable::not_yet);
static_assert(is_readable(1) == Readable::no_longer);

}  // namespace vecdot::index
