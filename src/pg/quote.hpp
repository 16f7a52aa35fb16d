// Text of a user's in a message.
#pragma once

#include "pg/postgres.hpp"

namespace vecdot::pg {

// The start of text, whole characters only, with "..." where that is not all. Quoting a megabyte
// helps nobody.
const char* quote(const char* text, Size length);

}  // namespace vecdot::pg
