#include "pg/quote.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace vecdot::pg {

namespace {

constexpr int max_quoted = 200;

}  // namespace

const char* quote(const char* text, Size length) {
    if (length <= max_quoted) {
        return pnstrdup(text, length);
    }
    const int kept = pg_mbcliplen(text, static_cast<int>(length), max_quoted);
    return psprintf("%.*s...", kept, text);
}

}  // namespace vecdot::pg
