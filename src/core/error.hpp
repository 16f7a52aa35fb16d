// The failures that code without PostgreSQL reports: thrown here, turned into an SQLSTATE by
// src/pg.
#pragma once

#include <cstddef>

namespace vecdot::core {

// What went wrong, in the terms of the SQL standard's classes; src/pg/guard.cpp has the SQLSTATE of
// each.
enum class ErrorCode {
    data_exception,        // 22000
    numeric_out_of_range,  // 22003
    invalid_parameter,     // 22023
    invalid_text,          // 22P02
    invalid_binary,        // 22P03
    array_subscript,       // 2202E
    null_not_allowed,      // 22004
    limit_exceeded,        // 54000
    configuration_limit,   // 53400
    data_corrupted,        // XX001
    index_corrupted,       // XX002
    cancelled,             // 57014: the interrupt callback asked to stop
    internal,              // XX000
};

// Thrown by value, caught by reference. Trivially copyable, so that it outlives the exception
// object.
struct Error {
    static constexpr std::size_t text_size = 512;

    ErrorCode code;
    char message[text_size];
    char detail[text_size];  // "" where there is none
    char hint[text_size];    // likewise
};

// Throws an Error with a printf-formatted message: lower case, no full stop, actual and expected
// values.
[[noreturn]] void fail(ErrorCode code, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

// The same with a detail and a hint (full sentences), either of which may be null.
[[noreturn]] void fail_with(ErrorCode code, const char* detail, const char* hint,
                            const char* format, ...) __attribute__((format(printf, 4, 5)));

}  // namespace vecdot::core
