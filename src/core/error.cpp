#include "core/error.hpp"

#include <cstdarg>
#include <cstdio>

namespace vecdot::core {

namespace {

void copy_text(char (&to)[Error::text_size], const char* from) {
    std::snprintf(to, sizeof to, "%s", from == nullptr ? "" : from);
}

}  // namespace

void fail(ErrorCode code, const char* format, ...) {
    Error error{code, {}, {}, {}};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    throw error;
}

void fail_with(ErrorCode code, const char* detail, const char* hint, const char* format, ...) {
    Error error{code, {}, {}, {}};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    copy_text(error.detail, detail);
    copy_text(error.hint, hint);
    throw error;
}

}  // namespace vecdot::core
