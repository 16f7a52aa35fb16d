// Distances of PostgreSQL's bit strings of the same length: each one call of a kernel.
#include "kernels/kernels.hpp"
#include "pg/guard.hpp"
#include "pg/vector_ref.hpp"

extern "C" {
#include "utils/varbit.h"
}

using namespace vecdot;

namespace {

struct BitRef {
    const std::uint8_t* bytes;  // the bits behind the last one are 0
    Size size;
    int32 length;
};

// Without a copy, where the value is in its row: its header of 1 byte leaves it at an odd address.
BitRef bit_argument(FunctionCallInfo fcinfo, int n) {
    const struct varlena* stored = pg::packed_argument(fcinfo, n);
    const char* body = VARDATA_ANY(stored);
    int32 length;
    std::memcpy(&length, body, sizeof length);
    return {reinterpret_cast<const std::uint8_t*>(body + sizeof length),
            VARSIZE_ANY_EXHDR(stored) - sizeof length, length};
}

struct BitPair {
    BitRef a;
    BitRef b;
};

BitPair bit_pair(FunctionCallInfo fcinfo) {
    const BitPair pair{bit_argument(fcinfo, 0), bit_argument(fcinfo, 1)};
    if (unlikely(pair.a.length != pair.b.length)) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different bit lengths %d and %d", pair.a.length, pair.b.length)));
    }
    return pair;
}

}  // namespace

VECDOT_FUNCTION(hamming_distance) {
    const BitPair bits = bit_pair(fcinfo);
    PG_RETURN_FLOAT8(static_cast<double>(
        kernels::active().bits.differing(bits.a.bytes, bits.b.bytes, bits.a.size)));
}

VECDOT_FUNCTION(jaccard_distance) {
    const BitPair bits = bit_pair(fcinfo);
    const kernels::SharedBits shared =
        kernels::active().bits.shared(bits.a.bytes, bits.b.bytes, bits.a.size);
    // Two strings of zeros share nothing.
    PG_RETURN_FLOAT8(shared.both == 0 ? 1
                                      : 1 - static_cast<double>(shared.both) /
                                                static_cast<double>(shared.either));
}
